"""A graph compiled for one batch size, one purpose and one device: a list of steps, and what is derived from it.

emission asks the layers for their steps; rewrites changes the list (rectifiers in the last pass of what they follow);
sharing leaves out copies of gradients that can lie where the other lies;
lifetimes tells from it when each array is in use, and arena from that where each lies; program has the arrays and
carries the passes out; loss names what a training minimises.
"""

from .loss import LOSS_NAMES, Head, Loss
from .program import GRADIENTS, Program

Plan = Program
"""The name that Program had at first; programs of users may know it."""

__all__ = ["GRADIENTS", "LOSS_NAMES", "Head", "Loss", "Plan", "Program"]
