"""numba's compiler, but for work that loops over arrays of numbers do not need.

It takes three fifths of the time, for which everybody waits who calls the package for the first
time, and what it compiles is the same: the types of what builtin functions return are found once
and not in every loop, an element of an array is found in a few instructions, which are else forty
before they are optimized, arguments are looked at together, and functions are optimized once. A
name that is assigned anew is not made another one: it has one type throughout a function.

It needs what is not public in numba. So it is used with the versions that it was tried with only
(see `compilation`), and where it fails, numba compiles as it does.
"""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import logging
import operator
from collections.abc import Mapping
from typing import Any

from numba.core import cgutils, types
from numba.core.caching import FunctionCache
from numba.core.callwrapper import PyCallWrapper
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler, DefaultPassBuilder
from numba.core.compiler_machinery import register_pass
from numba.core.errors import ForceLiteralArg
from numba.core.lowering import Lower
from numba.core.runtime.nrt import rtsys
from numba.core.typed_passes import NativeLowering, NopythonRewrites

# What builtin functions return, by the options that they are compiled with.
_KNOWN: dict[str, dict[Any, tuple[Any, Any]]] = {}


class QuickCompiler(Compiler):
    """Compiles a function; as numba does if that fails."""

    def __init__(self, typingctx: Any, *others: Any) -> None:
        super().__init__(typingctx, *others)
        self._given = typingctx, *others
        self.state.typingctx = _Remembering(typingctx, str(self.state.flags.values()))
        self.state.flags = self.state.flags.copy()
        self.state.flags.enable_ssa = False

    def compile_extra(self, func: Any) -> Any:
        """Compile a function of Python."""
        if self.state.library is None:
            codegen = self.state.targetctx.codegen()
            self.state.library = _OnceOptimized(codegen, func.__qualname__)
            self.state.library.enable_object_caching()
        try:
            return super().compile_extra(func)
        except ForceLiteralArg:
            raise
        except Exception as error:
            logging.getLogger("smlm_accessor").debug("not compiled quickly: %s", error)
            return Compiler(*self._given).compile_extra(func)

    def define_pipelines(self) -> list[Any]:
        """Return what is done one after the other."""
        passes = DefaultPassBuilder.define_nopython_pipeline(self.state)
        passes.passes = [
            (_ElementLowering if one is NativeLowering else one, about)
            for one, about in passes.passes
            if one is not NopythonRewrites  # those of sums of whole arrays
        ]
        return [passes]


class QuickCache(FunctionCache):
    """Loads what was compiled, without all that numba can compile: a fifth of a second.

    And only what was compiled with the same options.
    """

    def __init__(self, function: Any, options: Mapping[str, Any]) -> None:
        self._options = repr([(k, sorted(v) if k == "fastmath" else v) for k, v in options.items()])
        super().__init__(function)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the compiled function for a signature, None if there is none."""
        rtsys.initialize(target_context)  # what counts references to arrays
        with self._guard_against_spurious_io_errors():
            return self._load_overload(sig, target_context)

    def _index_key(self, sig: Any, codegen: Any) -> Any:
        return *super()._index_key(sig, codegen), self._options


class _Remembering:
    """A typing context that remembers what builtin functions return."""

    def __init__(self, context: Any, options: str) -> None:
        self._context, self._known = context, _KNOWN.setdefault(options, {})

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)

    def resolve_function_type(self, func: Any, args: Any, kws: Any) -> Any:
        """Return the signature of a call."""
        if kws or not (type(func) is types.Function or func is operator.getitem):
            return self._context.resolve_function_type(func, args, kws)
        of, signature = self._known.get((id(func), args), (None, None))
        if of is not func:
            signature = self._context.resolve_function_type(func, args, kws)
            if signature is not None:
                self._known[id(func), args] = func, signature
        return signature


class _ElementLower(Lower):
    """Writes the instructions of a function."""

    def lower_getitem(self, resty: Any, expr: Any, value: Any, index: Any, signature: Any) -> Any:
        array = self.typeof(value.name)
        pointer = self._pointer(value, index)
        if pointer is None:
            return super().lower_getitem(resty, expr, value, index, signature)
        found = self.context.unpack_value(self.builder, array.dtype, pointer)
        return self.context.cast(self.builder, found, array.dtype, resty)

    def lower_setitem(self, target_var: Any, index_var: Any, value_var: Any, signature: Any) -> Any:
        array = self.typeof(target_var.name)
        pointer = self._pointer(target_var, index_var)
        if pointer is None:
            return super().lower_setitem(target_var, index_var, value_var, signature)
        was, value = self.typeof(value_var.name), self.loadvar(value_var.name)
        value = self.context.cast(self.builder, value, was, array.dtype)
        return self.context.pack_value(self.builder, array.dtype, value, pointer)

    def create_cpython_wrapper(self, release_gil: bool = False) -> None:
        """Write what Python calls."""
        context = self.context
        if self.genlower or context.enable_nrt:
            super().create_cpython_wrapper(release_gil=release_gil)
            return
        module = context.create_module("wrapper")
        function = context.declare_function(module, self.fndesc)
        of = context, module, function, self.fndesc, self.env
        _Wrapper(*of, call_helper=self.call_helper, release_gil=release_gil).build()
        self.library.add_ir_module(module)

    def _pointer(self, variable: Any, index: Any) -> Any:
        """Return where an element is; None if that is not one of a plain array."""
        array, kinds = self.typeof(variable.name), self.typeof(index.name)
        many = isinstance(kinds, types.BaseTuple)
        kinds = list(kinds) if many else [kinds]
        if not (_is_plain(array) and len(kinds) == array.ndim):
            return None
        if not all(isinstance(kind, types.Integer) for kind in kinds):
            return None
        build, value = self.builder, self.loadvar(variable.name)
        model = self.context.data_model_manager[array]
        data = build.extract_value(value, model.get_field_position("data"))
        shape = build.extract_value(value, model.get_field_position("shape"))
        given, place = self.loadvar(index.name), None
        for axis, kind in enumerate(kinds):
            length = build.extract_value(shape, axis)
            at = build.extract_value(given, axis) if many else given
            at = self.context.cast(build, at, kind, types.intp if kind.signed else types.uintp)
            if kind.signed and getattr(kind, "literal_value", -1) < 0:  # counted from the end
                below = build.icmp_signed("<", at, at.type(0))
                at = build.select(below, build.add(at, length), at)
            place = at if place is None else build.add(build.mul(place, length), at)
        return build.gep(data, [place], inbounds=True)


class _OnceOptimized(JITCodeLibrary):
    """Code that is optimized when it is complete, and not each function before."""

    def _optimize_functions(self, ll_module: Any) -> None:
        ll_module.data_layout = self._codegen._data_layout


class _Wrapper(PyCallWrapper):
    """Writes what Python calls: arguments are unpacked, and then looked at, all at once."""

    def build_wrapper(self, api: Any, builder: Any, closure: Any, args: Any, kws: Any) -> None:
        kinds, null = self.fndesc.argtypes, api.get_null_object()
        objects = [api.alloca_obj() for _ in kinds]
        n = len(kinds)
        parsed = api.unpack_tuple(args, self.fndesc.qualname, n, n, *objects)
        with cgutils.if_unlikely(builder, cgutils.is_null(builder, parsed)):
            builder.ret(null)
        environment = self.get_env(api, builder)
        bad: list[Any] = []  # whether arguments are of other types
        values = [
            None
            if isinstance(kind, types.Omitted)
            else self._native(api, builder.load(at), kind, bad)
            for at, kind in zip(objects, kinds, strict=True)
        ]
        any_bad = cgutils.false_bit
        for one in bad:
            any_bad = builder.or_(any_bad, one)
        with cgutils.if_unlikely(builder, any_bad):
            api.err_set_string("PyExc_TypeError", "an argument is of another type")
            builder.ret(null)
        thread = api.save_thread() if self.release_gil else None
        convention = self.context.call_conv
        status, found = convention.call_function(
            builder, self.func, self.fndesc.restype, kinds, values, attrs=("noinline",)
        )
        if thread is not None:
            api.restore_thread(thread)
        with builder.if_then(status.is_ok, likely=True):
            with builder.if_then(status.is_none):
                api.return_none()
            builder.ret(api.from_native_return(self._simplified_return_type(), found, environment))
        convention.raise_error(builder, api, status)
        builder.ret(null)

    def _native(self, api: Any, given: Any, kind: Any, bad: list[Any]) -> Any:
        """Return an argument; add to a list whether it is of another type."""
        build = api.builder
        if isinstance(kind, types.BaseTuple):
            kinds: list[Any] = list(kind)  # type: ignore[call-overload]
            parts = [
                self._native(api, api.tuple_getitem(given, i), one, bad)
                for i, one in enumerate(kinds)
            ]
            return self.context.make_tuple(build, kind, parts)
        if not _is_plain(kind):
            native = api.to_native_value(kind, given)
            bad.append(native.is_error)
            return native.value
        array = self.context.make_array(kind)(self.context, build)
        pointer = build.bitcast(array._getpointer(), api.voidptr)
        bad.append(cgutils.is_not_null(build, api.numba_array_adaptor(given, pointer)))
        return build.load(array._getpointer())


def _is_plain(array: Any) -> bool:
    return (
        isinstance(array, types.Array)
        and array.layout == "C"
        and array.aligned
        and isinstance(array.dtype, (types.Number, types.Boolean))
    )


@register_pass(mutates_CFG=True, analysis_only=False)
class _ElementLowering(NativeLowering):
    _name = "element_lowering"

    @property
    def lowering_class(self) -> Any:
        return _ElementLower
