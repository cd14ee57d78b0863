"""What the GPU's kernels are compiled to, found out without a GPU; the parts of kernel_report.py and of its tests.

launches.py     which kernels the ops launch, with which types of arguments
compiled.py     a kernel's machine code for a compute capability, by the way that a launch takes
machine_code.py what that code takes of the GPU, and its instructions
report.py       one row for each of these, beside what a kernel may take
nvidia.py       where NVIDIA's programs are
"""
