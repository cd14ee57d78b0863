"""Mini-batch SGD, its schedules and augmentation, evaluation, and the folder a run leaves."""

from .arrays import EpochOfArrays, train_arrays
from .evaluation import Evaluation, evaluate
from .events import BatchDone, EpochDone, Event, Finished, RolledBack, RunStarted, StoppedEarly, Warned
from .fit import Fit
from .loop import Trainer, train
from .preparing import prepare
from .preprocessing import preprocessing
from .recipes import RECIPES, settings_for
from .run_folder import RunFolder, kept_epochs
from .settings import Settings
from .state import State
from .warmup import warm_up

__all__ = [
    "RECIPES",
    "BatchDone",
    "EpochDone",
    "EpochOfArrays",
    "Evaluation",
    "Event",
    "Finished",
    "Fit",
    "RolledBack",
    "RunFolder",
    "RunStarted",
    "Settings",
    "State",
    "StoppedEarly",
    "Trainer",
    "Warned",
    "evaluate",
    "kept_epochs",
    "prepare",
    "preprocessing",
    "settings_for",
    "train",
    "train_arrays",
    "warm_up",
]
