"""PTX executed without a GPU: what the compiler wrote is run as it stands, with checks that a GPU would not make.

parser.py       PTX text -> declarations and instructions
arrays.py       the type of all arrays
registers.py    where operands lie: an array a register, an element a thread
arithmetic.py   numbers as PTX rounds them
elementwise.py  functions of the registers of each thread by itself
conversions.py  numbers as another type, addresses of another kind
instructions.py what an instruction without memory does
accesses.py     loads, stores, asynchronous copies
warps.py        what the threads of a warp do together: mma, ldmatrix, shuffles, votes
warpgroups.py   products of 128 threads, which go on by themselves: wgmma
proxy.py        what these see of shared memory
threads.py      the threads that run at once, and which of them an instruction is for
memory.py       global, shared and local memory, and who may touch what
machine.py      a grid of blocks: whose turn it is, barriers

Written from NVIDIA's PTX ISA, and on purpose not from the kernels: the two are to disagree where one of them is wrong.
"""
