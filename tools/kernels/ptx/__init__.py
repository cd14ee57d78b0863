"""PTX executed without a GPU: what the compiler wrote is run as it stands, with checks that a GPU would not make.

parser.py       PTX text -> declarations and instructions
arrays.py       the type of all arrays
registers.py    where operands lie: an array a register, an element a thread
arithmetic.py   numbers as PTX rounds them
instructions.py what an instruction without memory does
accesses.py     loads, stores, asynchronous copies
warps.py        what the threads of a warp do together: mma, ldmatrix, shuffles, votes
threads.py      the threads that run at once, and which of them an instruction is for
memory.py       global, shared and local memory, and who may touch what
machine.py      a grid of blocks: whose turn it is, barriers

Written from NVIDIA's PTX ISA, and on purpose not from the kernels: the two are to disagree where one of them is wrong.
"""
