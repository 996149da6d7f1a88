"""Models fitted through lmfit, which is imported when the first of them is."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from smlm_accessor._typing import FloatArray
from smlm_accessor.errors import DriftError, OptionError
from smlm_accessor.models.chunk_series import ChunkSeries
from smlm_accessor.models.component_fit import ComponentFit, Within, continued, fit_quality
from smlm_accessor.models.specs import Constant, Linear, Polynomial, label


@dataclass(frozen=True, eq=False)
class LeastSquaresFit(ComponentFit):
    """A model fitted by lmfit; its parameters are in frames and the table's length unit.

    Polynomials are evaluated in scaled frames: powers of frames lose digits. A row of the Jacobian
    times ``factor``, shape (p, p), has the length of one standard deviation.
    """

    polynomial: np.polynomial.Legendre | None
    factor: FloatArray

    def eval(self, frames: FloatArray, within: Within | None = None) -> FloatArray:
        """Evaluate the model with the best parameters."""
        if self.polynomial is not None:
            return continued(self.polynomial, frames, within)
        return continued(lambda at: evaluate(self.result, at), frames, within)

    def std(self, frames: FloatArray, within: Within | None = None) -> FloatArray:
        """One standard deviation from the covariance of the parameters, to first order."""
        rows = continued(lambda at: jacobian(self.result, at, self.polynomial), frames, within)
        return np.asarray(np.linalg.norm(rows @ self.factor, axis=1))

    def figures(self) -> dict[str, str]:
        """First parameters, share of variance, weighted sum of squares."""
        varied = [p for p in self.result.params.values() if p.vary]
        powers = self.polynomial is not None and self.polynomial.degree() > 1
        sure = self.result.nfree > 0
        few = {} if powers else {p.name: _number(p, sure=sure) for p in varied[:3]}
        w = self.result.weights
        w = np.ones(self.result.ndata) if w is None else np.asarray(w)
        data = np.asarray(self.result.data)
        total = float(np.sum((w * (data - np.average(data, weights=w**2))) ** 2))
        return few | fit_quality(float(self.result.chisqr), total)


def fit_least_squares(spec: Any, series: ChunkSeries) -> LeastSquaresFit:
    """Fit a constant, a line, a polynomial, or an lmfit model to one component."""
    model, names = _model(spec)
    kind = label(spec)
    if len(model.independent_vars) != 1:
        raise OptionError(
            f"{series.name}: {kind} has the independent variables {model.independent_vars}; it "
            "must have one, the frame. Name it: lmfit.Model(function, independent_vars=['frame'])"
        )
    axis = {model.independent_vars[0]: series.frames}
    polynomial = None
    with _quiet():
        if names:  # needs no search
            require_chunks(series, kind, len(names))
            first, last = float(series.frames.min()), float(series.frames.max())
            domain = [first, last] if last > first else [first - 1, first + 1]
            polynomial = np.polynomial.Legendre.fit(
                series.frames, series.values, len(names) - 1, domain, w=series.weights
            )
            powers = polynomial.convert(kind=np.polynomial.Polynomial).coef
            powers = np.pad(powers, (0, len(names) - len(powers)))
            solved = dict(zip(names, powers.tolist(), strict=True))
            params = model.make_params(**solved)
        else:
            params = _start(spec, model, series, axis)
        n_needed = sum(p.vary for p in params.values())
        require_chunks(series, kind, n_needed)
        try:
            result = model.fit(series.values, params, weights=series.weights, **axis)
        except Exception as error:
            raise DriftError(
                f"{series.name}: {kind} could not be fitted: {error} Give start values, "
                "model.set_param_hint(name, value=...), or another model, like 'spline'"
            ) from error
        if polynomial is not None:
            _put_back(result, solved, axis)
        _scale_errors(result, series)
        factor = _factor(result, series, polynomial)
    return LeastSquaresFit(series.name, kind, n_needed, result, polynomial, factor)


def require_chunks(series: ChunkSeries, kind: str, n_needed: int) -> None:
    """Raise `DriftError` if a model needs more chunks than there are."""
    n = len(series.frames)
    if n < n_needed:
        raise DriftError(
            f"{series.name}: {kind} needs at least {n_needed} valid chunks, there "
            f"{'is' if n == 1 else 'are'} {n}; use a model with fewer parameters, like 'linear' or "
            "'constant', or estimate the drift with more chunks"
        )


def evaluate(result: Any, frames: FloatArray, params: Any = None) -> FloatArray:
    """Evaluate a fitted model at frames."""
    with np.errstate(all="ignore"):
        values = result.eval(params, **{result.model.independent_vars[0]: frames})
    return np.array(np.broadcast_to(values, frames.shape), dtype=np.float64)


def jacobian(
    result: Any, frames: FloatArray, polynomial: np.polynomial.Legendre | None
) -> FloatArray:
    """Return derivatives by the varied parameters, shape (n, p); for polynomials, Legendre's."""
    if polynomial is not None:
        scaled = np.polynomial.polyutils.mapdomain(frames, polynomial.domain, polynomial.window)
        return np.asarray(np.polynomial.legendre.legvander(scaled, polynomial.degree()))
    columns = []
    for name in (p.name for p in result.params.values() if p.vary):
        value = result.params[name].value
        step = max(1e-3 * (result.params[name].stderr or 0.0), 1e-6 * abs(value)) or 1e-6
        sides = []
        for moved in (value - step, value + step):
            params = result.params.copy()
            params[name].set(value=moved, min=-np.inf, max=np.inf)
            sides.append(evaluate(result, frames, params))
        columns.append((sides[1] - sides[0]) / (2 * step))
    return np.column_stack(columns) if columns else np.empty((len(frames), 0))


def _model(spec: Any) -> tuple[Any, list[str]]:
    """Return the lmfit model, and the names of the coefficients of a polynomial, if they are free.

    In the order of powers, from 0.
    """
    from lmfit.models import ConstantModel, LinearModel, PolynomialModel

    if isinstance(spec, Constant):
        return ConstantModel(), ["c"] if spec.value is None else []
    if isinstance(spec, Linear):
        return LinearModel(), ["intercept", "slope"]
    if isinstance(spec, Polynomial):
        return PolynomialModel(degree=spec.degree), [f"c{k}" for k in range(spec.degree + 1)]
    return spec, []


def _start(spec: Any, model: Any, series: ChunkSeries, axis: dict[str, FloatArray]) -> Any:
    """Return parameters to start from."""
    if isinstance(spec, Constant):
        return model.make_params(c={"value": spec.value, "vary": False})
    try:
        params = model.guess(series.values, **axis)
    except Exception:  # no guess for this model, or none from these values
        params = model.make_params()
    if not all(np.isfinite(p.value) for p in params.values()):
        params = model.make_params()
    unset = [p.name for p in params.values() if not np.isfinite(p.value)]
    if unset:
        raise OptionError(
            f"{series.name}: {label(spec)} has no start value for {', '.join(unset)}; "
            f"set it: model.set_param_hint({unset[0]!r}, value=1.0)"
        )
    return params


def _put_back(result: Any, solved: dict[str, float], axis: dict[str, FloatArray]) -> None:
    """Let a result have the parameters that were solved for, instead of those that were searched.

    Powers of frames far from 0 are nearly the same column: at degree 6 and a million frames a
    search goes off by a tenth of the noise, and by how much depends on the version of scipy.
    """
    for name, value in solved.items():
        result.params[name].value = value
    result.best_values = dict(solved)
    result.best_fit = result.eval(result.params, **axis)
    weights = 1.0 if result.weights is None else np.asarray(result.weights)
    result.residual = (result.best_fit - np.asarray(result.data)) * weights
    result.chisqr = float(np.sum(result.residual**2))
    result.redchi = result.chisqr / max(1, result.nfree)


def _factor(
    result: Any, series: ChunkSeries, polynomial: np.polynomial.Legendre | None
) -> FloatArray:
    rows = jacobian(result, series.frames, polynomial)
    p = rows.shape[1]
    if p == 0:
        return np.empty((0, 0))
    if series.weights is not None:
        rows = rows * series.weights[:, None]
    triangle = np.linalg.qr(rows, mode="r")
    size = np.linalg.norm(rows, axis=0)
    known = np.isfinite(triangle).all() and (np.abs(np.diag(triangle)) > 1e-10 * size).all()
    if not known:
        return np.full((p, p), np.nan)
    return np.asarray(series.widened(p) * _noise(result, series) * np.linalg.inv(triangle))


def _scale_errors(result: Any, series: ChunkSeries) -> None:
    """Let lmfit's errors of parameters be those of the band; lmfit knows the residuals only."""
    if result.covar is None or not result.redchi > 0:
        return
    scale = series.widened(len(result.var_names)) * _noise(result, series) / np.sqrt(result.redchi)
    result.covar = result.covar * scale**2
    for name in result.var_names:
        if result.params[name].stderr is not None:
            result.params[name].stderr *= scale


def _noise(result: Any, series: ChunkSeries) -> float:
    """Return the standard deviation of the weighted values; NaN where nothing tells.

    What is known of the chunks, or what their residuals say, if that is more.
    """
    if result.nfree <= 0:
        return float(np.sqrt(series.noise)) or np.nan
    return float(np.sqrt(max(result.chisqr / result.nfree, series.noise)))


def _number(parameter: Any, *, sure: bool) -> str:
    text = f"{parameter.value:.4g}"
    return f"{text} +/- {parameter.stderr:.2g}" if sure and parameter.stderr else text


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep lmfit's remarks, on exact fits or logarithms of 0 in a guess, to itself."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield
