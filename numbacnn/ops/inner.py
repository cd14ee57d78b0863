"""Functions that only compiled functions call, which become machine code as part of those alone.

Numba makes machine code of every function by itself. A function that calls it takes its code over, and both are optimised
and made into machine code again, once for every level of calls: that was up to half of the time that a first run waited
for. The code of an inner function stays as Numba wrote it until a kernel has taken in all that it calls, and LLVM goes
over it there. The loops that threads share are optimised by themselves first: where that was left to the kernel, some ran at two thirds of
their speed. Neither Python nor an address can call such a function.
"""

from __future__ import annotations

from typing import Any

import llvmlite.binding
from numba.core.caching import CompileResultCacheImpl, FunctionCache
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler, compile_result


class _Nowhere:
    """In the place of what Numba tells where a function's environment is: only machine code asks for it."""

    def set_env(self, name: str, environment: Any) -> None:
        """Does nothing."""


class InnerLibrary(JITCodeLibrary):
    """What LLVM knows of a function and of those that it calls, not made into machine code."""

    optimises = False
    """Whether that is optimised as a whole."""

    @property
    def codegen(self) -> Any:
        return _Nowhere()

    def finalize(self) -> None:
        self._raise_if_finalized()
        for library in dict.fromkeys(self._linking_libraries):
            if hasattr(library, "_reload_init"):  # since Numba 0.63
                self._reload_init.update(library._reload_init)
            self._final_module.link_in(library._get_module_for_linking(), preserve=True)
        if self.optimises:
            self._optimize_final_module()
        self._finalize_dynamic_globals()
        self._final_module.verify()
        self._finalized = True

    def get_pointer_to_function(self, name: str) -> int:
        """Returns 0, as there is no machine code."""
        self._ensure_finalized()
        return 0

    def serialize_using_object_code(self) -> tuple[str, str, bytes]:
        self._ensure_finalized()
        return self.name, "inner", self._final_module.as_bitcode()


class LoopLibrary(InnerLibrary):
    """The same, optimised."""

    optimises = True


class InnerCompiler(Compiler):
    """Numba's compiler, whose result is an InnerLibrary."""

    library: type[InnerLibrary] = InnerLibrary

    def compile_extra(self, function: Any) -> Any:
        self.state.library = self.library(self.state.targetctx.codegen(), function.__qualname__)
        return super().compile_extra(function)


class LoopCompiler(InnerCompiler):
    """Numba's compiler, whose result is a LoopLibrary."""

    library = LoopLibrary


class _Form(CompileResultCacheImpl):
    """How such a function is put together again from what the cache has of it."""

    def rebuild(self, target: Any, saved: Any) -> Any:
        (name, _, code), description, environment, signature, _, lifted, annotation, reload, environments = (
            saved
        )
        library = InnerLibrary(target.codegen(), name)
        library._final_module = llvmlite.binding.parse_bitcode(code)
        library._finalized = True
        return compile_result(
            target_context=target,
            typing_context=target.typing_context,
            library=library,
            environment=environment,
            entry_point=target.get_executable(library, description, environment),
            fndesc=description,
            type_annotation=annotation,
            signature=signature,
            objectmode=False,
            lifted=lifted,
            reload_init=reload,
            referenced_envs=environments,
        )


class InnerCache(FunctionCache):
    """Numba's cache with that form."""

    _impl_class = _Form
