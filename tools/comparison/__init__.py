"""numbacnn beside PyTorch: the parts of `tools/compare_pytorch.py`.

description.py  a network as plain data: which of PyTorch's modules, with which arguments and parameters
ours.py         numbacnn's passes; imports no torch
theirs.py       PyTorch's passes; imports no numbacnn
timing.py       sides that take turns
passes.py       whole passes: training, forward, one picture
rivals.py       what else predicts, and what makes C++ of PyTorch's model
trees.py        two checkouts of numbacnn in turns
layers.py       layer by layer
memory.py       the most memory that a training step takes, each side in a process of its own
machine.py      what the figures were measured on
tables.py       the figures as Markdown
picture.py      the ratios as a picture
"""
