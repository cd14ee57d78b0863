"""What the GPU's kernels are compiled to and what that does, found out without a GPU; the parts of kernel_report.py and
of its tests.

launches.py     which kernels the ops launch, with which types of arguments
compiled.py     a kernel's machine code and PTX for a compute capability, by the way that a launch takes
executed.py     ops run on the CPU from that PTX; ptx/ executes it
machine_code.py what that code takes of the GPU, and its instructions
report.py       one row for each of these, beside what a kernel may take
nvidia.py       where NVIDIA's programs are
"""
