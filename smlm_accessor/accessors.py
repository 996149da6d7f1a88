"""The ``.smlm`` verbs: of tables of localizations, Datasets of drift, and stacks of images."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from functools import wraps
from importlib import import_module
from os import PathLike
from typing import TYPE_CHECKING, Any, TypeVar, cast, overload

import numpy.typing as npt
import pandas as pd
import xarray as xr

from smlm_accessor.backends import register_partitioned
from smlm_accessor.display import summary
from smlm_accessor.drift import composition, drift_of, require_drift
from smlm_accessor.drift.by_table import held_for, tables_of
from smlm_accessor.estimation.request import TARGET_STD
from smlm_accessor.methods.documentation import completed
from smlm_accessor.table.columns import Columns, find_columns, set_columns, settled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from smlm_accessor.assess import Assessment
    from smlm_accessor.estimation.following.follower import Follower
    from smlm_accessor.images.bins import BinRange
    from smlm_accessor.images.rescale import Rescale
    from smlm_accessor.models import DriftModel
    from smlm_accessor.options import PerComponent, Seed
    from smlm_accessor.simulate.drift_curve import Curve, Step, Term


F = TypeVar("F", bound=Callable[..., Any])


def _calls(module: str, function: str | None = None) -> Callable[[F], F]:
    """Let a verb do what a function of the same signature does with its table or Dataset.

    Its module is imported when it is needed.
    """

    def does(verb: F) -> F:
        @wraps(verb)
        def call(self: Any, *args: Any, **options: Any) -> Any:
            do = getattr(import_module(module), function or verb.__name__)
            return do(self._held, *args, **options)

        return cast(F, call)

    return does


class _Verbs:
    """What all accessors have in common: they know whose verb a name is that they lack."""

    _of: str  # whose verbs they are

    if not TYPE_CHECKING:  # a type checker is to find names that there are not

        def __getattr__(self, name: str) -> Any:
            """Raise an `AttributeError` that says how the verb is used, if others have it."""
            if hasattr(type(self), name):
                return object.__getattribute__(self, name)  # its own error, once more
            words = f"{self._of}.smlm has no verb {name!r}"
            owners = [one._of for one in _Verbs.__subclasses__() if name in vars(one)]
            words += f"; it is a verb of a {owners[0]}: {owners[0]}.smlm.{name}" if owners else ""
            raise AttributeError(words, name=name, obj=self)


def _options_of_methods() -> str:
    from smlm_accessor.methods.registry import options_text

    return options_text()


def align(
    tables: Sequence[pd.DataFrame] | Mapping[Hashable, pd.DataFrame],
    *,
    transformation: str = "shift",
    reference: Hashable | None = None,
    drift: str | None = None,
    max_shift: float | None = None,
    max_localizations: int = 2_000_000,
    progress: bool = False,
) -> xr.Dataset:
    r"""Estimate the shifts that put many tables onto each other.

    For rounds of Exchange-PAINT, channels, tiles and sections. All pairs of tables that share
    something count, and all are solved together.

    Parameters
    ----------
    tables : sequence or mapping of DataFrame
        By number or by name. Tables of dask are sampled, see ``max_localizations``; if units
        differ, lengths are in that of the first.
    transformation : {"shift"}
        One shift of each table. ``"rigid"`` and ``"similarity"`` are for two tables as yet:
        ``moving.smlm.align(reference, with_rotation=True)``.
    reference : hashable, optional
        Number or name of the table that stays where it is; ``offset_std`` is then that of the
        difference to it. By default the mean of all stays, and ``offset_std`` is against that.
    drift : str, optional
        Estimate the drift within each table first, by this method, such as ``"overlap"``: the
        result then has chunks, and one correction does both. By default tables are taken as they
        are; correct the drift of each first.
    max_shift : float, optional
        Largest difference of the positions of two tables along x and y, in the length unit. By
        default the fields are trusted as far as they overlap: of rounds any shift is allowed, of
        tiles one up to the width of the strip that two have in common. Pairs whose fields do not
        overlap are not compared.
    max_localizations : int
        If a table has more, about so many are used: of all tables what lies in the same squares of
        the field.
    progress : bool
        Show a progress bar.

    Returns
    -------
    Dataset
        As that of ``table.smlm.drift``, with ``table`` instead of ``chunk``:
        ``tables[k].smlm.correct(result.sel(table=k))`` lies on the others. With ``drift`` it has
        both dimensions. Tables that nothing connects with the others are NaN and not ``valid``,
        and a warning names them. ``covariance``, by component, table and ``table_in``, is that of
        the shifts of two tables. ``quality`` is by how much the best pair of a table stands out
        from chance, in standard deviations. ``attrs["parameters"]`` say how many pairs were
        compared and used, and which were ``left_out``: their own shift contradicts those of the
        others.

    Raises
    ------
    TableError, OptionError
        If a table cannot be used, or an argument makes no sense.

    Notes
    -----
    Images of all pairs whose fields overlap are correlated. Their shifts are solved together; pairs
    that do not close loops are left out. From there on each blink :math:`i` of table :math:`s`
    feels the density :math:`f_i = \sum_j K(d_{ij}^2 / S_{ij}) / S_{ij}` of the blinks of all
    tables, with the variance :math:`S_{ij}` of a pair. With the shares :math:`r_{ij}` of the blinks
    :math:`j` of table :math:`t` in it, :math:`F_{st} = \sum r_{ij} d_{ij} / S_{ij}` is the force
    of table :math:`s` towards :math:`t`: a molecule that both show :math:`a` and :math:`b` times,
    and all tables :math:`n` times, counts as :math:`a b / n`. Newton's method solves
    :math:`\sum_t \rho_{st} (F_{st} - F_{ts}) / 2 = 0` for all shifts; :math:`\rho_{st}` is the part
    of the pairs of blinks that is not by chance. The covariance is that of the forces between field
    blocks, between the inverse slopes: that all pairs of a table have its localization errors in
    common is in it. The kernel is narrowed as long as the standard errors fall.

    Examples
    --------
    >>> import smlm_accessor
    >>> first = smlm_accessor.simulate_origami(n_structures=60, n_frames=2000, precision=5, seed=1)
    >>> rounds = {"a": first, "b": first.assign(position_x=first.position_x + 30)}
    >>> shifts = smlm_accessor.align(rounds, reference="a")
    >>> shifts.offset.sel(table="b", component="x").round(3).item()
    -30.0
    >>> on_first = rounds["b"].smlm.correct(shifts.sel(table="b"))
    """
    found: xr.Dataset = import_module("smlm_accessor.alignment.many").align_tables(
        tables,
        transformation=transformation,
        reference=reference,
        drift=drift,
        max_shift=max_shift,
        max_localizations=max_localizations,
        progress=progress,
    )
    return found


@overload
def follow(*, growth: float = ..., wait: bool = ..., **options: Any) -> Follower: ...


@overload
def follow(
    source: str | PathLike[str] | pd.DataFrame | Iterable[pd.DataFrame],
    *,
    every: float | None = ...,
    patience: float = ...,
    growth: float = ...,
    wait: bool = ...,
    **options: Any,
) -> Iterator[Follower]: ...


def follow(
    source: str | PathLike[str] | pd.DataFrame | Iterable[pd.DataFrame] | None = None,
    *,
    every: float | None = None,
    patience: float = 60.0,
    growth: float = 1.5,
    wait: bool = True,
    **options: Any,
) -> Follower | Iterator[Follower]:
    """Follow the drift of a movie while it is recorded.

    Parameters
    ----------
    source : path, iterable of DataFrame, or DataFrame, optional
        A file that grows, in any format that `read` knows; tables that come one after the other; or
        a table that is replayed, to try it out. Without it, rows are added by ``update``.
    every : float, optional
        Of a file, the seconds from one look to the next (10). Of a table, the rows of an update
        (10,000). Tables that come one after the other are taken as they come.
    patience : float
        Seconds without new rows after which a file is taken to be finished.
    growth : float
        Factor, over the rows of the last estimate, at which all are estimated anew; in between, new
        rows are registered onto these.
    wait : bool
        Whether an update waits for an estimate of all rows, or lets it go on in a thread.
    **options
        Of ``table.smlm.drift(method="overlap")``, such as ``precision``, ``origin`` or ``threads``.

    Returns
    -------
    Follower, or iterator of it
        ``update(rows)`` adds rows; ``drift`` is the drift so far with its ``offset_std``;
        ``std_at_end(n_frames)`` how precise it will be; ``correct()`` corrects; ``finish()``
        estimates all rows once more. With a source, the same object is given after each update.

    Raises
    ------
    OptionError
        If an option makes no sense, or an update has other columns than those before.
    TableError
        If a table cannot be used: columns are missing, or not what they should be.

    Examples
    --------
    >>> import smlm_accessor
    >>> still = smlm_accessor.simulate_origami(n_structures=40, n_frames=2000, seed=1)
    >>> table = still.smlm.simulate_drift(velocity=(0.01, 0.005))
    >>> for follower in smlm_accessor.follow(table, every=len(table) // 3):
    ...     pass
    >>> follower.n_rows == len(table), follower.drift.sizes["chunk"] > 10
    (True, True)
    """
    found: Follower | Iterator[Follower] = import_module(
        "smlm_accessor.estimation.following.sources"
    ).follow(source, every=every, patience=patience, growth=growth, wait=wait, **options)
    return found


@register_partitioned("smlm")
@pd.api.extensions.register_dataframe_accessor("smlm")
class LocalizationAccessor(_Verbs):
    """Drift of a table of localizations, in pandas or dask: ``table.smlm``.

    Every verb raises `TableError` if the table cannot be used, with all problems at once,
    `OptionError` if an argument makes no sense, and `DriftError` if a drift cannot be used; each is
    a ``ValueError`` whose message says what to do. No verb modifies its table.

    Examples
    --------
    >>> import smlm_accessor
    >>> locs = smlm_accessor.simulate_thomas(cluster_mu=100, seed=1)
    >>> drifted = locs.smlm.simulate_drift(velocity=(0.02, 0.01))
    >>> drift = drifted.smlm.drift(n_chunks=5)
    >>> fixed = drifted.smlm.correct(drift)
    >>> bool((fixed.smlm.rmse(locs) < drifted.smlm.rmse(locs) / 3).all())
    True
    """

    _of = "table"

    def __init__(self, table: pd.DataFrame) -> None:
        find_columns(table)  # so that hasattr(table, "smlm") tells the truth
        self._table = table
        self._settled = settled(table)

    @property
    def _held(self) -> pd.DataFrame:
        return set_columns(self._table, **self._settled) if self._settled else self._table

    @property
    def columns(self) -> Columns:
        """Which column is what: a `Columns`, with the names, the unit and the pixel size.

        Examples
        --------
        >>> import pandas as pd, smlm_accessor
        >>> pd.DataFrame({"x": [1.0], "y": [2.0], "frame": [0]}).smlm.columns.positions["x"]
        'x'
        """
        return find_columns(self._held)

    @completed(_options_of_methods)
    @_calls("smlm_accessor.estimation.estimate", "estimate_drift")
    def drift(
        self,
        *,
        method: str = "overlap",
        chunk_size: int | None = None,
        n_chunks: int | None = None,
        frames_per_chunk: int | None = None,
        chunk_duration: float | None = None,
        chunks: npt.ArrayLike | None = None,
        target: str | None = None,
        origin: str = "first_chunk",
        max_localizations: int | None = None,
        target_std: float = TARGET_STD,
        segments: str | Sequence[float] | None = "auto",
        start: xr.Dataset | DriftModel | None = None,
        prior: xr.Dataset | DriftModel | None = None,
        progress: bool = False,
        **options: Any,
    ) -> xr.Dataset:
        """Estimate drift by registering chunks of successive frames onto each other.

        Parameters
        ----------
        method : {"overlap", "aim", "rcc", "fiducial", "cc", "icp"}
            Maximum overlap of all localizations (the most precise), adaptive intersection
            maximization, redundant cross-correlation, tracks of beads, cross-correlation of images,
            or iterative closest point.
        chunk_size : int, optional
            Localizations per chunk, to whole frames. Give at most one of the five rules; without
            any, cc and icp take ten chunks, and the others choose them from the data.
        n_chunks : int, optional
            Number of chunks.
        frames_per_chunk : int, optional
            Frames per chunk.
        chunk_duration : float, optional
            Seconds per chunk: of a table with times, or with frames of known duration
            (``set_columns(table, frame_duration=0.05)``).
        chunks : array_like, optional
            Edges ``[0, 1000, 5000]``, or pairs of first frame and first frame after; of a table
            with times, seconds.
        target : {"first", "previous", "all"}, optional
            For icp and cc: register each chunk onto the first one (default), onto the one before
            it (and chain the results), or onto all others that are registered. The other methods
            compare all with all.
        origin : {"first_chunk", "first_frame", "mean"}
            What the result is zero at; no method can know a constant shift of the whole table.
        max_localizations : int, optional
            A table with more is sampled: what lies in some squares of the field is used, always the
            same (cc and fiducial: in some of the frames). What was used is in
            ``attrs["parameters"]``, under ``"sample"``. By default 10 million; 2 million of a table
            of dask, which give the same as in pandas if this is the same.
        target_std : float
            A sample is not made larger once the median of ``offset_std`` is below this, in nm.
        segments : "auto", "find", str, sequence of int, or None
            Runs of frames between jumps of the sample: stage steps, refocussing, files. Drift is
            continuous within and free between them. Given by the frames, or times, with which they
            begin, or by a column that says which each row is in, such as ``"file"``. By default
            those that the method finds; icp, cc, and all methods if chunks are given, find none,
            unless told to ``"find"`` them, by aim. None: the whole movie is one.
        start : Dataset or DriftModel, optional
            A drift to start from, such as an earlier estimate, or a log (`read_drift`), good to one
            or two localization precisions: for overlap. What it knows is not searched again; frames
            before and after it are. Its jumps are kept. If it is the estimate of the first rows of
            this table, it stays, and the rows after them are registered onto these.
        prior : Dataset or DriftModel, optional
            What is known of the drift beforehand, with its errors, up to a constant: from images
            (``stack.smlm.drift()``), beads, another table, or a log (``read_drift(path,
            offset_std=5)``); for overlap. The result is the weighted best of both, and follows the
            prior where there are no localizations. If the localizations contradict it, its
            ``offset_std`` is taken larger, and a warning says by how much.
        progress : bool
            Show a progress bar.
        **options
            Of the method, as listed at the end; and ``threads``, all cores by default.

        Returns
        -------
        Dataset
            ``matrix``, ``offset``, ``offset_std``, ``n_localizations``, ``valid`` and ``quality``
            by chunk and component, with ``corrected = matrix @ position + offset`` in the length
            unit of the table, and the coordinates ``segment``, and ``frame``, ``frame_start`` and
            ``frame_stop``; of a table with times ``time``, ``time_start`` and ``time_stop``, in
            seconds. A chunk with hardly any
            localizations, or one that lies far from
            both its neighbours, is not valid: NaN, and one warning names it.

        Raises
        ------
        TableError
            If the table has no rows, columns or frames to use: all that is wrong at once.
        OptionError
            If an argument, or an option of the method, makes no sense.
        DriftError
            If ``start`` or ``prior`` is no drift.

        Notes
        -----
        Of dask, partitions are read one by one, each in the task that uses it, and only what is
        estimated comes back. A worker needs memory for a partition (the columns that are used, and
        half as much again) and for what it keeps: 40 bytes for each localization of the sample,
        some 150 where the sample is registered, and for cc images of 4 bytes a pixel, no more than
        2**26 pixels in all. None of it grows with the number of rows. Rows are gone over once; if
        there are more than `max_localizations` twice, and cc reads the frames first unless
        Parquet files tell which there are. It is one compute, and one more if the number of rows
        is not known.

        Examples
        --------
        >>> import smlm_accessor
        >>> locs = smlm_accessor.simulate_thomas(cluster_mu=100, seed=1)
        >>> drift = locs.smlm.simulate_drift(velocity=(0.02, 0)).smlm.drift(n_chunks=3)
        >>> drift.sizes["chunk"], bool(drift.valid.all())
        (3, True)
        """

    @_calls("smlm_accessor.correct")
    def correct(
        self,
        drift: xr.Dataset | DriftModel | None = None,
        *,
        by: str | None = None,
        outside: str | None = None,
        **estimate_options: Any,
    ) -> pd.DataFrame:
        """Return a new table, corrected by a drift.

        Parameters
        ----------
        drift : Dataset or DriftModel, optional
            What `drift` or ``drift.smlm.fit`` gave, for this table or another one of the same
            measurement. If one of them has frames and the other times, ``set_columns(table,
            frame_duration=0.05)`` says how long a frame is. Without it, drift is estimated first.
        by : {"cubic", "linear", "chunk"}, optional
            Interpolate between the mean frames of the chunks (default: a cubic that cannot
            swing), or move each chunk as a whole. For Datasets only: a model is continuous.
        outside : {"hold", "linear", "nan", "error"}, optional
            Frames outside the estimate: keep the last value, continue linearly, give NaN, or
            raise. If not given, hold and warn.
        **estimate_options
            Arguments of `drift`, when it is estimated first.

        Returns
        -------
        DataFrame
            All rows, columns, dtypes and the index as they were; only coordinates differ. What
            was done is added to ``attrs["smlm_history"]``.

        Raises
        ------
        DriftError
            If ``drift`` is none, or no chunk of it is valid.
        TableError, OptionError
            As `drift`.

        Examples
        --------
        >>> import smlm_accessor
        >>> locs = smlm_accessor.simulate_thomas(cluster_mu=100, seed=1)
        >>> fixed = locs.smlm.simulate_drift(velocity=(0.02, 0.01)).smlm.correct(n_chunks=5)
        >>> len(fixed) == len(locs)
        True
        """

    @_calls("smlm_accessor.alignment")
    def align(
        self,
        reference: pd.DataFrame,
        *,
        with_rotation: bool = False,
        with_scaling: bool = False,
        max_shift: float | None = None,
        max_localizations: int = 2_000_000,
        progress: bool = False,
    ) -> xr.Dataset:
        """Estimate the one transformation that puts this table onto another.

        For two channels, or two recordings of the same sample; correct the drift of each first.

        Parameters
        ----------
        reference : DataFrame
            It stays where it is. It may show another part of the sample, or have other molecules;
            if its unit is another one, lengths are converted.
        with_rotation : bool
            Fit an angle in the plane of x and y, too. If nothing is found without turning, all
            angles are looked at.
        with_scaling : bool
            Fit a magnification in x and y, too, which is near 1.
        max_shift : float, optional
            Largest shift along x and y, in the length unit of this table. By default any at which
            the fields overlap.
        max_localizations : int
            If a table has more, about so many are used: of both tables what lies in the same
            squares of the field, so shifts should be small beside the field.
        progress : bool
            Show a progress bar.

        Returns
        -------
        Dataset
            As that of `drift`, with one chunk: ``table.smlm.correct(result)`` lies on the
            reference. ``attrs["static"]`` says that frames do not matter: any table of this
            channel is corrected alike, whatever its frames. Only the components that both tables
            have are aligned. ``offset_std`` is a jackknife over tiles of the field, of the shift
            of ``center``; of beads, it is from how they differ from each other. With rotation,
            ``offset`` is that of the origin of the coordinates, where the error of the angle adds
            to it. ``quality`` is by
            how much the shift stands out from all others, in standard deviations of chance, and in
            how many parts of the field; of beads, by how much they lie alike. Below 5 (6 if all
            angles were looked at) the offset is NaN and ``valid`` False, and one warning says so.
            Rotation (radians), scaling and their standard deviations are in
            ``attrs["parameters"]``, and ``beads``: how many are in the reference, in this table,
            and in both.

        Raises
        ------
        TableError
            If one of the tables has no rows or columns to use.
        OptionError
            If an argument makes no sense.

        Notes
        -----
        Padded images are correlated over all shifts, at scales from coarse to fine. From the best
        shift on, the gradient of the density of the other table at each localization is followed; a
        molecule counts by its information, however often it is seen. The kernel is narrowed as long
        as the result becomes more precise.

        Beads have thousands of localizations at one place. If both tables have some (spots that are
        seen in 30 % of the frames or more), they are matched by where they lie to each other: of
        all shifts (with rotation, all that put two beads onto two others), the one for which
        independent beads are least expected to lie on each other as closely. It takes three beads,
        four with rotation and scaling: fewer do not tell their own motion from that of the table.
        The fit is weighted by ``1 / (variance + scatter**2)``: the variance of each bead, and what
        the beads differ by beyond that. Structures are then aligned without beads: if they agree
        and are more precise, they decide, else the beads. Tables without frames have no beads.

        Examples
        --------
        >>> import smlm_accessor
        >>> red = smlm_accessor.simulate_thomas(cluster_mu=100, seed=1)
        >>> green = red.assign(position_x=red.position_x + 30)
        >>> onto_red = green.smlm.align(red)
        >>> onto_red.offset.sel(chunk=0, component="x").round(3).item()
        -30.0
        """

    @_calls("smlm_accessor.simulate")
    def simulate_drift(
        self,
        *,
        velocity: PerComponent | None = None,
        diffusion_constant: PerComponent | None = None,
        sinusoid: Term | Sequence[Term] | None = None,
        settling: Term | Sequence[Term] | None = None,
        step: Step | Sequence[Step] | None = None,
        curve: Curve | None = None,
        rotation: float | None = None,
        scale: float | None = None,
        rotation_center: Sequence[float] | None = None,
        seed: Seed = None,
        return_drift: bool = False,
    ) -> Any:
        """Add drift to localizations, as if the sample had moved while they were taken.

        The sample is moved by the sum of the terms that are given, then turned and made to grow.
        Every term is zero in the first frame of the table. Of a table with times, frames below are
        seconds: velocity is length per second. Where a term takes a number per
        component, a single number counts for all components.

        Parameters
        ----------
        velocity : float or one per component
            Length per frame.
        diffusion_constant : float or one per component
            Length squared per frame: a random walk with steps of variance ``2 *
            diffusion_constant`` per frame and component. The same seed gives the same walk for any
            rows of a movie, as long as the first frame is the same.
        sinusoid : dict or list of dict
            ``{"amplitude": 50, "period": 10_000, "phase": 0}``: length, frames, and radians (0 if
            left out), each a number or one per component.
        settling : dict or list of dict
            ``{"amplitude": 100, "time_constant": 2_000}``: the sample goes this far, exponentially.
        step : (frame, jump) or list of them
            From this frame on the sample is displaced by the jump, a number or one per component.
        curve : array_like, shape (n_frames, d), or callable
            The drift in each frame from the first to the last, or a function that takes an array of
            n frame numbers and returns an array of shape (n, d); of a table with times a function
            of seconds. Its value in the first frame is
            subtracted.
        rotation : float
            Radians per frame, from x to y; in 3D about the z axis.
        scale : float
            The sample grows by the factor ``exp(scale)`` per frame, along all axes.
        rotation_center : one per component
            The point about which it turns and grows; the middle of the table's extent if not given.
        seed : int or numpy.random.Generator, optional
            The same seed gives the same random walk.
        return_drift : bool
            Return ``(table, drift)``: the transformations that undo the drift as a Dataset, one
            chunk for each frame from the first to the last; of a table with times, one for each
            time there is.

        Returns
        -------
        DataFrame, or DataFrame and Dataset
            A new table; only the coordinates differ.

        Raises
        ------
        TableError
            If the table has no rows, columns or frames to use: all that is wrong at once.
        OptionError
            If an argument makes no sense, or does not fit the components of the table.

        Examples
        --------
        >>> import smlm_accessor
        >>> locs = smlm_accessor.simulate_thomas(cluster_mu=10, seed=1)
        >>> drifted, drift = locs.smlm.simulate_drift(velocity=(0.02, 0.01), return_drift=True)
        >>> bool((drifted.smlm.correct(drift).smlm.rmse(locs) < 1e-9).all())
        True
        """

    @_calls("smlm_accessor.fiducials.in_tables")
    def find_fiducials(self, *, presence: float = 0.8, radius: float | None = None) -> pd.DataFrame:
        """Find beads: places with a localization in most of the frames.

        Use them by ``drift(method="fiducial", fiducials=beads)`` with the table or rows of it, such
        as ``beads.query("stray < 5")``, or leave their localizations out: see `is_fiducial`.

        Parameters
        ----------
        presence : float
            Part of the frames in which a bead has to be seen.
        radius : float, optional
            How far from its path a localization of a bead may be. By default five times the
            localization precision, and more if too few beads are found so.

        Returns
        -------
        DataFrame
            One row for each bead, the most reliable first: x, y (and z) as it is in the beginning,
            in the length unit of the table; presence; n_localizations, one per frame at most;
            jitter, the standard deviation of a localization; stray, how far the bead goes off by
            itself (NaN if it is the only one: nothing tells); weight in the estimate of the method
            "fiducial", all together 1; and the radius. No rows if there are no beads. Of a large
            table of dask, all this is about a part of the frames.

        Raises
        ------
        TableError
            If the table has no rows, columns or frames to use: all that is wrong at once.
        OptionError
            If ``presence`` is no part, or ``radius`` no length.

        Examples
        --------
        >>> import numpy as np, pandas as pd, smlm_accessor
        >>> rng = np.random.default_rng(1)
        >>> frame = np.repeat(np.arange(1000), 2)
        >>> place = np.tile([[20.0, 30.0], [70.0, 10.0]], (1000, 1)) + rng.normal(0, 0.1, (2000, 2))
        >>> table = pd.DataFrame({"x": place[:, 0], "y": place[:, 1], "frame": frame})
        >>> table.smlm.find_fiducials()[["x", "y", "presence"]].sort_values("x").round().to_numpy()
        array([[20., 30.,  1.],
               [70., 10.,  1.]])
        """

    @_calls("smlm_accessor.fiducials.in_tables")
    def is_fiducial(
        self,
        beads: pd.DataFrame | None = None,
        *,
        presence: float = 0.8,
        radius: float | None = None,
    ) -> pd.Series[bool]:
        """Tell which localizations are those of beads: ``table[~table.smlm.is_fiducial()]``.

        Parameters
        ----------
        beads : DataFrame, optional
            From `find_fiducials`, or rows of it, or any table with the columns x and y: where they
            are in the beginning. By default they are found.
        presence, radius : float, optional
            As in `find_fiducials`.

        Returns
        -------
        Series of bool
            With the index of the table; lazy for a table of dask. True within the radius of where
            a bead is in that frame: each is followed, whether or not it moves with the others.

        Raises
        ------
        TableError
            If the table has no rows, columns or frames to use: all that is wrong at once.
        OptionError
            If ``beads`` has no positions, ``presence`` is no part, or ``radius`` no length.

        Examples
        --------
        >>> import smlm_accessor
        >>> locs = smlm_accessor.simulate_thomas(cluster_mu=10, seed=1)
        >>> int(locs.smlm.is_fiducial().sum())
        0
        """

    @_calls("smlm_accessor.metrics")
    def rmse(self, other: pd.DataFrame, *, remove_constant: bool = True) -> pd.Series[float]:
        """Return the root mean square difference to another table of the same localizations.

        Parameters
        ----------
        other : DataFrame
            Both of pandas, or both of dask in the same partitions. Rows with the same index are
            compared by position; rows whose labels come in another order are matched by label.
        remove_constant : bool
            Subtract the mean difference of each component first, which no drift estimate can know.

        Returns
        -------
        Series
            One value per component, in the length unit of this table; NaN with nothing to compare.
            Its ``attrs`` hold ``remove_constant``, ``constant`` (the mean of this table minus the
            other, by component), ``n_localizations`` that were compared, ``n_left_out`` (those
            without a finite coordinate in either table) and ``length_unit`` if it is known.

        Raises
        ------
        TableError
            If the rows cannot be matched, or the tables differ in components, or in units that
            cannot be converted into each other.

        Examples
        --------
        >>> import pandas as pd, smlm_accessor
        >>> truth = pd.DataFrame({"x": [0.0, 1.0, 2.0], "y": [0.0, 1.0, 2.0], "frame": 0})
        >>> moved = truth.assign(x=truth.x + 5, y=[3.0, 1.0, -1.0])
        >>> moved.smlm.rmse(truth).round(3).to_dict()
        {'x': 0.0, 'y': 2.449}
        >>> moved.smlm.rmse(truth, remove_constant=False).round(3).to_dict()
        {'x': 5.0, 'y': 2.449}
        """

    @_calls("smlm_accessor.images.render")
    def render(
        self,
        *,
        bin_size: float | None = None,
        bin_range: BinRange | None = None,
        rescale: Rescale | None = None,
        other_property: Hashable | None = None,
    ) -> xr.DataArray:
        """Render an image: the number of localizations in each bin, or the mean of a property.

        Bin ``i`` along x holds ``x0 + i * bin_size <= x < x0 + (i + 1) * bin_size``, so images of
        neighbouring ranges add up without counting anything twice. Three-dimensional tables are
        projected along z.

        Parameters
        ----------
        bin_size : float, optional
            Side of the square bins, in the length unit of the table. By default the smallest of 1,
            2, 5 times a power of ten that gives no more than about 1000 bins across.
        bin_range : ((x0, x1), (y0, y1)), optional
            What to show; the last bin ends at or just beyond x1. By default all localizations, with
            edges at multiples of `bin_size`, so that images of the same bin size lie on one grid.
        rescale : None, "equal", "log", "unity" or (low, high)
            How values become brightness between 0 and 1. ``"equal"``: histogram equalization over
            the occupied bins (`skimage.exposure.equalize_hist`). ``"unity"``: linear from 0 (a
            property: from its smallest value) to the largest. ``"log"``: the same with the
            logarithm of one plus the value. Two percentiles of the occupied bins: linear between
            them, clipped outside; 0 stands for where ``"unity"`` begins. None leaves the values.
        other_property : label, optional
            A column or index level of numbers, or ``"frame"`` or ``"z"`` whatever their columns are
            called: show its mean in each bin instead of a count; NaN where there is nothing.

        Returns
        -------
        DataArray
            Dims ``("y", "x")``; coords are the centres of the bins. ``attrs``: ``long_name``,
            ``bin_size``, ``length_unit`` if known, ``rescale``, ``n_localizations`` in the image,
            ``n_outside`` of the range, and ``n_left_out`` for want of a finite x, y or property.

        Raises
        ------
        TableError, OptionError
            If the table cannot be read or has no localizations and no `bin_range` is given, an
            argument makes no sense, or there would be more than 2e8 bins, of dask 2.5e7; the
            message names a size that fits.

        Notes
        -----
        An image of dask is computed when its values are asked for; where neither `bin_range` nor
        the files say how large the field is, that is computed at once. A worker holds a partition
        and about three images of 8 bytes a bin.

        Examples
        --------
        >>> import pandas as pd, smlm_accessor
        >>> table = pd.DataFrame({"x": [0.5, 2.5, 2.6], "y": [0.5, 1.5, 1.6], "frame": [0, 4, 8]})
        >>> table.smlm.render(bin_size=1).values
        array([[1, 0, 0],
               [0, 0, 2]])
        >>> table.smlm.render(bin_size=1, other_property="frame").sel(x=2.5, y=1.5).item()
        6.0
        """

    @_calls("smlm_accessor.plot", "plot_localizations")
    def plot(
        self,
        *,
        ax: Axes | None = None,
        bin_size: float | None = None,
        bin_range: BinRange | None = None,
        rescale: Rescale | None = "auto",
        other_property: Hashable | None = None,
        cmap: Any = None,
        colorbar: bool | None = None,
        scale_bar: bool | float = False,
    ) -> Axes:
        """Draw the image that `render` makes, and return the matplotlib Axes.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; a new figure by default.
        bin_size, bin_range, rescale, other_property
            As in `render`; localizations are equalized by default, a property is not rescaled, so
            that its colours can be read off.
        cmap : str or Colormap, optional
            By default ``"inferno"`` for the number of localizations, ``"viridis"`` for a property.
        colorbar : bool, optional
            By default where its numbers mean something: if nothing is rescaled.
        scale_bar : bool or float
            Draw a bar, of that length or a round one, in place of the axes' numbers.

        Returns
        -------
        matplotlib.axes.Axes
            With y upwards; the image is ``ax.images[0]``.

        Raises
        ------
        TableError, OptionError
            As `render`.

        Examples
        --------
        >>> import matplotlib, smlm_accessor
        >>> matplotlib.use("Agg")
        >>> locs = smlm_accessor.simulate_thomas(cluster_mu=10, seed=1)
        >>> locs.smlm.plot(bin_size=10, other_property="frame").get_xlabel()
        'x'
        """

    @_calls("smlm_accessor.plot")
    def check_drift(
        self,
        drift: xr.Dataset | DriftModel | None = None,
        *,
        model: DriftModel | None = None,
        by: str | None = None,
        outside: str | None = None,
        method: str | None = None,
        progress: bool = False,
        **estimate_options: Any,
    ) -> npt.NDArray[Any]:
        """Draw the drift, the image before and after its correction, and the verdict.

        The table must not be corrected yet.

        Parameters
        ----------
        drift : Dataset or DriftModel, optional
            What `drift` or ``drift.smlm.fit`` gave. Without it, or a model, drift is estimated
            first.
        model : DriftModel, optional
            Of this drift; it is drawn with its band, and it is what corrects.
        by, outside : str, optional
            As in `correct`.
        method : str, optional
            With which to estimate, by default ``"overlap"``, the most precise.
        progress : bool
            Show progress bars.
        **estimate_options
            Other arguments of `drift`, when it is estimated first.

        Returns
        -------
        ndarray of matplotlib.axes.Axes, shape (3,)
            The drift with its band, before, and after. Both images show the part of the field that
            is richest in structure before, in bins of about half the localization precision, with
            one scale of brightness: the logarithm of the count. ``axes[0].figure`` is the figure,
            whose title is the verdict of ``drift.smlm.assess``. Rows of dask are gone over twice
            for the images.

        Raises
        ------
        TableError, OptionError, DriftError
            As `drift` and `correct`.

        Examples
        --------
        >>> import matplotlib, smlm_accessor
        >>> matplotlib.use("Agg")
        >>> locs = smlm_accessor.simulate_thomas(cluster_mu=100, seed=1)
        >>> drifted = locs.smlm.simulate_drift(velocity=(0.02, 0.01))
        >>> axes = drifted.smlm.check_drift(drifted.smlm.drift(n_chunks=5))
        >>> [ax.get_title(loc="left") for ax in axes[1:]]
        ['Before', 'After']
        """

    @_calls("smlm_accessor.table.ordering")
    def sort_frames(self, *, shuffle: bool = False) -> pd.DataFrame:
        """Return a table whose rows are in the order of their frames; no other verb needs it.

        Within a frame, rows keep their order.

        Parameters
        ----------
        shuffle : bool
            For dask: whether rows may be moved to other partitions, where frames of several
            partitions overlap, which needs all of the table in memory, or on disk, once. Otherwise
            partitions are only put in order, and sorted when they are computed; the column of
            frames is read once.

        Returns
        -------
        DataFrame

        Raises
        ------
        TableError
            If there are no frames, or partitions overlap and ``shuffle`` is not given.

        Examples
        --------
        >>> import pandas as pd, smlm_accessor
        >>> table = pd.DataFrame({"frame": [2, 0, 1], "x": [1.0, 2, 3], "y": [0.0, 0, 0]})
        >>> table.smlm.sort_frames()["frame"].tolist()
        [0, 1, 2]
        """

    @_calls("smlm_accessor.table.numbering")
    def number_frames(self, *, by: Hashable | None = None) -> pd.DataFrame:
        """Return a table of several files in which frame numbers go on from one to the next.

        Parameters
        ----------
        by : label, optional
            Column that says which file a row is from; files follow each other as they first appear.
            By default (not for dask) a new file begins where frames decrease from one row to the
            next, and a new column ``file`` counts them.

        Returns
        -------
        DataFrame
            For ``drift(segments="file")``. Only the column of frames differs, and has a larger
            dtype if it must. Of dask it is lazy, but the columns of files and frames are read once.
            `smlm_accessor.join_movies` makes one of several tables.

        Raises
        ------
        TableError, OptionError
            If frames are missing or in the index, there is no such column, or files cannot be told
            apart.

        Examples
        --------
        >>> import pandas as pd, smlm_accessor
        >>> table = pd.DataFrame({"frame": [0, 1, 0, 1], "x": [1.0, 2, 3, 4], "y": [0.0, 0, 0, 0]})
        >>> table.smlm.number_frames()[["frame", "file"]].values.tolist()
        [[0, 0], [1, 0], [2, 1], [3, 1]]
        """

    @_calls("smlm_accessor.io")
    def write(
        self,
        path: str | PathLike[str],
        *,
        format: str | None = None,
        overwrite: bool = False,
        progress: bool = False,
    ) -> None:
        """Write the table, in the format that the end of the name says.

        A dask DataFrame becomes a folder of Parquet files, one for each partition, that is complete
        if it is there: until then it is called ``PATH.incomplete``.

        Parameters
        ----------
        path : str or path
            .csv, .tsv or .txt (tabs), .parquet, .hdf5 (Picasso, with its .yaml beside it; in the
            format of the file that was read, in that before 1.0 if it was none of Picasso), .h5
            (DECODE), .mat (SMAP), .smlm or .zip (SMLM). For dask, a folder on a disk that all
            workers see under this name.
        format : str, optional
            One of `smlm_accessor.io.format_names`, whatever the end of the name. Needed for
            ``"thunderstorm"``, ``"rapidstorm"``, ``"nanoimager"`` and ``"elyra"``.
        overwrite : bool
            Replace what exists.
        progress : bool
            For dask: show a progress bar.

        Raises
        ------
        FileError, TableError, OptionError
            If the file exists or cannot be written, the table does not fit into the format (for
            Picasso its pixel size must be known), there is no such format, or a partition cannot
            be read.

        Notes
        -----
        A file is there whole or not at all. Parquet holds all of a table; csv and text with tabs
        hold all columns, but neither dtypes nor ``attrs``. The formats of programs get that
        program's names and units for positions, frames and precisions; other columns keep their
        names. Picasso, DECODE, SMAP, SMLM and rapidSTORM hold numbers only. History is kept in
        Parquet, Picasso, DECODE, SMAP and SMLM.

        Examples
        --------
        >>> import pathlib, tempfile, smlm_accessor
        >>> locs = smlm_accessor.simulate_thomas(cluster_mu=10, seed=1)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     locs.smlm.write(pathlib.Path(folder, "locs.parquet"))
        ...     smlm_accessor.read(pathlib.Path(folder, "locs.parquet")).equals(locs)
        True
        """

    def __repr__(self) -> str:
        return summary.safe_summary(self._held)

    def _repr_html_(self) -> str:
        return summary.summary_html(self._held)


@xr.register_dataset_accessor("smlm")
class DriftAccessor(_Verbs):
    """A Dataset of drift: ``drift.smlm``.

    Every verb raises `DriftError` if the Dataset does not hold drift, with all problems at once,
    `OptionError` if an argument makes no sense, and `TableError` if a table cannot be used.
    """

    _of = "drift"

    def __init__(self, dataset: xr.Dataset) -> None:
        self._held = held_for(dataset)

    @_calls("smlm_accessor.models")
    def fit(
        self,
        *,
        offset: Any = "spline",
        rotation: Any = None,
        scale: Any = None,
        matrix: Any = None,
        local: Any = None,
        chunks: slice | npt.ArrayLike | None = None,
        weights: str | npt.ArrayLike | None = "auto",
        origin: str | None = None,
        segments: str | npt.ArrayLike | None = "auto",
    ) -> DriftModel:
        """Fit continuous models of the frame to the transformations of the chunks.

        Parameters
        ----------
        offset : str, model, sequence or mapping
            One model for all components, one for each, or a mapping from component to model: a
            name (``"none" "zero" "one" "constant" "linear" "polynomial" "spline"``), an object
            such as ``Spline(s=100)`` or ``Polynomial(degree=3)`` from `smlm_accessor.models`, or
            any ``lmfit.Model`` of the frame. ``"none"`` does not correct the component.
        rotation : str, model, sequence or mapping, optional
            The same for the angle by which the sample turned about its centre, in radians from x
            to y; in 3D for the rotation vector, by axis. By default a spline where chunks turn.
        scale : str or model, optional
            The same for the logarithm of the factor by which it grew; ``"one"`` keeps it at 1. By
            default a spline where chunks grow.
        matrix : str, model, sequence or mapping, optional
            The same for the matrix entries instead, row after row, or by ``(component,
            component_in)``, where those left out stay as in the identity; by default splines where
            a matrix is not a rotation with one scale.
        local : str or model, optional
            The same for all coefficients of a drift that differs over the field.
        chunks : slice, or array_like of bool or int, optional
            Which chunks to fit to.
        weights : "auto", array_like or None
            One over the standard deviation of each chunk, shape (chunks,) or (chunks, components).
            By default ``1 / offset_std`` where all chunks have it, else the square root of the
            number of localizations. None weighs all alike.
        origin : {"first_chunk", "first_frame", "mean"}, optional
            What the drift at the centre is zero at: the first frame, or the mean over all
            localizations; with ``"first_chunk"`` the model agrees with the first valid chunk. By
            default as the Dataset has it. Components with the model ``"none"`` are not shifted.
        segments : "auto", "find", sequence of int, or None
            Models are continuous within and free between segments: as the Dataset has them, found
            from steps between chunks that are far larger than usual, those that begin with these
            frames, or a single one.

        Returns
        -------
        DriftModel
            With ``eval``, ``drift``, ``plot``, ``to_dataset`` and the fit of each component.

        Raises
        ------
        DriftError
            If the Dataset does not hold drift, or no chunk of it is valid.
        OptionError
            If a model is not known, or does not fit the drift.

        Examples
        --------
        >>> import smlm_accessor
        >>> locs = smlm_accessor.simulate_thomas(cluster_mu=100, seed=1)
        >>> drift = locs.smlm.simulate_drift(velocity=(0.02, 0)).smlm.drift(n_chunks=5)
        >>> drift.smlm.fit(offset=["spline", "linear"]).offset["y"].kind
        'linear'
        """

    @_calls("smlm_accessor.plot", "plot_drift")
    def plot(
        self,
        *,
        quantity: str = "drift",
        component: str | Sequence[str] | None = None,
        model: DriftModel | None = None,
        ax: Axes | None = None,
    ) -> Axes:
        """Draw drift, rotation, scale, or what corrects them, and return the matplotlib Axes.

        Parameters
        ----------
        quantity : {"drift", "rotation", "scale", "offset", "matrix", "local"}
            ``"drift"`` is what the sample did, ``+d``, at the centre of the localizations;
            ``"rotation"`` is by how much it turned about that, in mrad, positive from x to y, in
            3D about each axis, and ``"scale"`` the log of the factor by which it grew, in
            thousandths: 1 of either moves what lies 10 um from the centre by 10 nm. ``"offset"``
            and ``"matrix"`` are what corrects it: ``corrected = matrix @ position + offset``.
            ``"local"`` is by how much the drift differs over the field: coefficients of polynomials
            of the position, see `smlm_accessor.drift.local`.
        component : str or sequence of str, optional
            Such as ``"x"``, or ``"xy"`` of the matrix (what y adds to x); all by default. In 2D
            rotation is ``"rotation"``, as scale is ``"scale"``.
        model : DriftModel, optional
            Drawn on top, with a band of one standard deviation. The chunks it was fitted to are
            moved to its zero.
        ax : matplotlib.axes.Axes, optional
            Where to draw; a new figure by default.

        Returns
        -------
        matplotlib.axes.Axes
            A point for each chunk, at its mean frame or time; with many, a line and a band.

        Raises
        ------
        DriftError
            If the Dataset does not hold drift; all that is wrong at once.
        OptionError
            If ``quantity`` is not known.

        Examples
        --------
        >>> import matplotlib
        >>> matplotlib.use("Agg")
        >>> from smlm_accessor.drift import build
        >>> moved = build(offset=[[0, 0], [-3, 1]], components="xy", frame=[5, 15],
        ...               frame_start=[0, 10], frame_stop=[10, 20])
        >>> moved.smlm.plot(component="x").get_ylabel()
        'Drift'
        """

    def assess(
        self,
        table: pd.DataFrame,
        *,
        model: DriftModel | None = None,
        by: str | None = None,
        outside: str | None = None,
        progress: bool = False,
    ) -> Assessment:
        """Say whether correcting a table by this drift improves it.

        Parameters
        ----------
        table : DataFrame
            Not corrected yet: the one from which drift was estimated, or another one that moved
            with it. Of dask, half a million localizations in a part of the field are used.
        model : DriftModel, optional
            Of this drift; it is assessed instead.
        by, outside : str, optional
            As in ``table.smlm.correct``.
        progress : bool
            Show a progress bar.

        Returns
        -------
        Assessment
            Prints as one line. Its ``verdict`` is "improved", "no evidence" or "worse".

        Raises
        ------
        TableError
            If the table has no rows, columns or frames to use.
        DriftError
            If the Dataset does not hold drift; all that is wrong at once.
        OptionError
            If ``by`` or ``outside`` is not known.

        Notes
        -----
        Blinks of a molecule at different times should lie on each other. The blinks of other times
        predict where each blink is: a mixture of kernel densities by the time between them. The
        change of the log-density, over its error from field blocks, is the score. If blinks lie
        clearly less on each other (three standard deviations and 2 %), the verdict is "worse". More
        may be the doing of the estimate. So the gain must be above the length of a description of
        the drift, by odds of 740 to 1; or the score with drift from the other half of the field (or
        of the sample) must be above three, too. Then the verdict is "improved"; else "no evidence".
        Of more than 40,000 blinks, those of some field blocks tell the verdict, and all if these
        are no evidence. Fourier ring correlation [1]_ and the precision from neighbours [2]_ are
        reported and decide nothing.

        References
        ----------
        .. [1] Nieuwenhuizen et al., Nat. Methods 10, 557 (2013),
           https://doi.org/10.1038/nmeth.2448
        .. [2] Endesfelder et al., Histochem. Cell Biol. 141, 629 (2014),
           https://doi.org/10.1007/s00418-014-1192-3

        Examples
        --------
        >>> import smlm_accessor
        >>> locs = smlm_accessor.simulate_thomas(cluster_mu=100, seed=1)
        >>> drifted = locs.smlm.simulate_drift(velocity=(0.02, 0.01))
        >>> drift = drifted.smlm.drift(n_chunks=5)
        >>> drift.smlm.assess(drifted).verdict, drift.smlm.assess(locs).verdict
        ('improved', 'worse')
        """
        from smlm_accessor.assess import assess

        drift = self._held if model is None else model
        return assess(table, drift, by=by, outside=outside, progress=progress)

    def field_map(
        self,
        table: pd.DataFrame,
        *,
        n_blocks: int | None = None,
        n_windows: int = 4,
        model: DriftModel | None = None,
        by: str | None = None,
        outside: str | None = None,
        progress: bool = False,
    ) -> xr.Dataset:
        """Return what drift is left in each block of the field, once a table is corrected.

        Parameters
        ----------
        table : DataFrame
            Not corrected yet: the one from which drift was estimated, or another one that moved
            with it. Of dask, half a million localizations in a part of the field are used.
        n_blocks : int, optional
            Blocks along x, and along y. By default as many as have 30 places each that tell
            something for themselves, and 2 to 8.
        n_windows : int
            Windows of time, with as many localizations each.
        model : DriftModel, optional
            Of this drift; the map is of what it leaves.
        by, outside : str, optional
            As in ``table.smlm.correct``.
        progress : bool
            Show a progress bar.

        Returns
        -------
        Dataset
            ``residual`` by window, y, x and component: how much further than corrected the blinks
            of a block have moved, ``+d``, against its means over time and over the field; and
            ``change``, by how much a straight line through it grows from the first to the last
            frame. ``..._std`` are one standard deviation. ``p_value`` is the probability of a block
            by chance (Hotelling's, times the number of blocks). NaN where a block has too few
            places, or is not known to one precision. ``attrs`` hold the ``score`` of the field and
            its ``p_value``, the ``transformation`` that the data ask for, and all in words as
            ``summary``. `smlm_accessor.plot.plot_field_map` draws it.

        Raises
        ------
        TableError
            If the table has no rows, columns or frames to use.
        DriftError
            If the Dataset does not hold drift, no chunk of it is valid, or blocks of the field have
            too few molecules.

        Notes
        -----
        The gradient ``G`` of the log-density of the blinks of other windows is summed over the
        blinks of a block and window. With the information matrix ``L`` of the windows of a block,
        it moves by ``L^+ G``, again and again until nothing changes. Its covariance is
        ``sum(u u^T)`` of the jackknife over places, ``u = (L - L_p)^+ G_p``: squares of 30
        precisions, for the blinks of a molecule or a cluster err together (Wu, Ann. Statist. 14,
        1261, 1986, DOI 10.1214/aos/1176350142). The score tells by how much two halves of the
        places, like the colours of a chessboard, agree in what they tell of their blocks; by chance
        it is 0, give or take 1.

        Examples
        --------
        >>> import smlm_accessor
        >>> locs = smlm_accessor.simulate_origami(n_structures=60, n_frames=2000, seed=1)
        >>> found = locs.smlm.drift().smlm.field_map(locs, n_blocks=3)
        >>> found.change.dims, found.attrs["transformation"]
        (('y', 'x', 'component'), 'shift')
        """
        from smlm_accessor.assess.field_map import field_map

        drift = self._held if model is None else model
        return field_map(
            table,
            drift,
            n_blocks=n_blocks,
            n_windows=n_windows,
            by=by,
            outside=outside,
            progress=progress,
        )

    def report(
        self,
        table: pd.DataFrame,
        path: str | PathLike[str],
        *,
        model: DriftModel | None = None,
        by: str | None = None,
        outside: str | None = None,
        title: str | None = None,
        overwrite: bool = False,
        progress: bool = False,
    ) -> Assessment | None:
        """Write a page on the correction of a table by this drift: one HTML file, to look at.

        It shows the drift and its standard deviation, images before and after under a slider
        (the whole field, a part of it, and the sharpest structure in that), the same with colour
        for time, Fourier ring correlation, the verdict of `assess`, parameters and history. It
        needs no other file and no network.

        Parameters
        ----------
        table : DataFrame
            Not corrected yet, of pandas or dask.
        path : str or path
            The HTML file. If it exists, or cannot be written, that is a `FileError`.
        model : DriftModel, optional
            Of this drift; the page is on it instead.
        by, outside : str, optional
            As in ``table.smlm.correct``.
        title : str, optional
            What stands at the top, such as the name of the measurement.
        overwrite : bool
            Replace the file if it exists.
        progress : bool
            Show progress bars.

        Returns
        -------
        Assessment or None
            The verdict that the page shows; None if the table cannot be judged, as when all rows
            are in one frame. What could not be made is said in the page.

        Raises
        ------
        TableError, DriftError, OptionError
            As `assess`.
        FileError
            If the page exists, or cannot be written.

        Notes
        -----
        A table of dask is gone over four times: twice for the part by which the drift is judged,
        once for its extent, once for the images.

        Examples
        --------
        >>> import pathlib, tempfile, smlm_accessor
        >>> locs = smlm_accessor.simulate_thomas(cluster_mu=50, seed=1)
        >>> drifted = locs.smlm.simulate_drift(velocity=(0.02, 0.01))
        >>> drift = drifted.smlm.drift(n_chunks=5)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     drift.smlm.report(drifted, pathlib.Path(folder, "report.html")).verdict
        'improved'
        """
        from smlm_accessor.report import write_report

        drift = self._held if model is None else model
        return write_report(
            table,
            drift,
            path,
            by=by,
            outside=outside,
            title=title,
            overwrite=overwrite,
            progress=progress,
        )

    def drift(self) -> xr.DataArray:
        """Return the drift of the sample, ``+d``, by chunk and component.

        Returns
        -------
        DataArray, shape (chunks, components)
            How far the sample moved at its centre, in the length unit of the table; NaN where a
            chunk is not valid.

        Raises
        ------
        DriftError
            If the Dataset does not hold drift; all that is wrong at once.

        Examples
        --------
        >>> from smlm_accessor.drift import build
        >>> moved = build(offset=[[0, 0], [-3, 1]], components="xy", frame=[5, 15],
        ...               frame_start=[0, 10], frame_stop=[10, 20])
        >>> moved.smlm.drift().sel(component="x").values
        array([0., 3.])
        """
        require_drift(self._held)
        return drift_of(self._held)

    @_calls("smlm_accessor.drift.jumps", "jump_table")
    def jumps(self) -> pd.DataFrame:
        """Return how far the sample moved from segment to segment: frame, size and its error.

        Returns
        -------
        DataFrame
            A row for each jump: ``frame`` (or ``time``), the first after it, the jump ``+d`` by
            component, and one standard deviation of it, ``std_x`` and so on; lengths in the unit of
            the table. No rows if there is no jump.

        Raises
        ------
        DriftError
            If the Dataset does not hold drift; all that is wrong at once.

        Examples
        --------
        >>> from smlm_accessor.drift import build
        >>> moved = build(offset=[[0, 0], [-3, 1]], components="xy", frame=[5, 15],
        ...               frame_start=[0, 10], frame_stop=[10, 20])
        >>> len(moved.smlm.jumps())
        0
        """

    @_calls("smlm_accessor.drift.poses")
    def pose(self) -> xr.Dataset:
        """Return by how much the sample moved, turned and grew, about its centre, by chunk.

        A pose is the place and the attitude of a body; here of the sample, with its size. All is
        what the sample did, as in `drift`; the matrices of the Dataset are what corrects it.

        Returns
        -------
        Dataset
            ``drift`` in the length unit, ``rotation`` in radians (in 2D from x to y; in 3D by axis,
            the rotation vector), ``log_scale`` (positive if the sample grew), and of each the
            standard deviation, ``..._std``, NaN where it is not known. ``center`` is the point
            about which.

        Raises
        ------
        DriftError
            If a matrix is not a rotation with one scale.

        Examples
        --------
        >>> import smlm_accessor
        >>> locs = smlm_accessor.simulate_thomas(cluster_mu=100, seed=1)
        >>> turned, drift = locs.smlm.simulate_drift(rotation=1e-6, return_drift=True)
        >>> drift.smlm.pose().rotation.values[[0, 1000]].round(6).tolist()
        [0.0, 0.001]
        """

    def inverse(self) -> xr.Dataset:
        """Return the drift that undoes a correction by this one.

        Returns
        -------
        Dataset
            With ``matrix`` inverted and ``offset`` to match.

        Raises
        ------
        DriftError
            If the Dataset does not hold drift; all that is wrong at once.

        Examples
        --------
        >>> from smlm_accessor.drift import build
        >>> moved = build(offset=[[0, 0], [-3, 1]], components="xy", frame=[5, 15],
        ...               frame_start=[0, 10], frame_stop=[10, 20])
        >>> moved.smlm.inverse().offset.sel(component="x").values
        array([0., 3.])
        """
        return composition.inverse(self._held)

    def compose(self, second: xr.Dataset) -> xr.Dataset:
        """Return the drift that corrects by this one and then by ``second``.

        Parameters
        ----------
        second : Dataset
            A drift that was estimated from a table corrected by this one.

        Returns
        -------
        Dataset
            To correct the original table by, once.

        Raises
        ------
        DriftError
            If one of the two does not hold drift.

        Examples
        --------
        >>> from smlm_accessor.drift import build
        >>> moved = build(offset=[[0, 0], [-3, 1]], components="xy", frame=[5, 15],
        ...               frame_start=[0, 10], frame_stop=[10, 20])
        >>> moved.smlm.compose(moved).offset.sel(component="x").values
        array([ 0., -6.])
        """
        return composition.compose(self._held, second)

    def with_origin(self, origin: str) -> xr.Dataset:
        """Return the same drift with another zero.

        Parameters
        ----------
        origin : {"first_chunk", "first_frame", "mean"}
            What is zero: the first valid chunk, the first frame, or the mean over all
            localizations.

        Returns
        -------
        Dataset
            Offsets differ by a constant, in the length unit of the table.

        Raises
        ------
        DriftError
            If the Dataset does not hold drift; all that is wrong at once.
        OptionError
            If ``origin`` is not known.

        Examples
        --------
        >>> from smlm_accessor.drift import build
        >>> moved = build(offset=[[0, 0], [-3, 1]], components="xy", frame=[5, 15],
        ...               frame_start=[0, 10], frame_stop=[10, 20])
        >>> moved.smlm.with_origin("mean").offset.sel(component="x").values
        array([ 1.5, -1.5])
        """
        return composition.with_origin(self._held, origin)

    def check(self) -> None:
        """Raise `DriftError`, with all that is wrong, if the Dataset does not hold drift.

        Of several tables, see `smlm_accessor.align`, each is looked at.

        Raises
        ------
        DriftError
            If there is anything wrong; all of it at once.

        Examples
        --------
        >>> import xarray as xr, smlm_accessor
        >>> xr.Dataset().smlm.check()
        Traceback (most recent call last):
        smlm_accessor.errors.DriftError: ...
        """
        for one in tables_of(self._held):
            require_drift(one)

    def __repr__(self) -> str:
        from smlm_accessor.display.drift import drift_text

        return drift_text(self._held)

    def _repr_html_(self) -> str:
        from smlm_accessor.display.drift import drift_html

        return drift_html(self._held)


@xr.register_dataarray_accessor("smlm")
class StackAccessor(_Verbs):
    """Drift of a stack of images, in memory or dask: ``stack.smlm``.

    A stack is a DataArray with the dimensions ``frame`` (or ``time``), ``y`` and ``x``, and ``z``
    if there are slices. The coordinate ``frame`` says at which frames of the localizations the
    images were taken, or ``time`` at which times: in seconds, unless its ``attrs["units"]`` say
    otherwise; of dates, those since the first image. Verbs raise `StackError` if the stack cannot
    be used, with the remedy.
    """

    _of = "stack"

    def __init__(self, stack: xr.DataArray) -> None:
        self._held = stack

    @_calls("smlm_accessor.images.stacks.drift", "stack_drift")
    def drift(
        self,
        *,
        window: int | None = None,
        normalization: str | None = "noise",
        pixel_size: PerComponent | None = None,
        origin: str = "first_chunk",
        progress: bool = False,
    ) -> xr.Dataset:
        """Estimate the drift of a stack of images.

        All pairs of images at most ``window`` apart are correlated, and the shifts at which they
        agree best are found together.

        Parameters
        ----------
        window : int, optional
            How many images apart those are that are compared. By default all are compared with
            all, which is the most precise as long as the sample stays what it is; where it changes,
            take as many as it takes to change.
        normalization : {"noise", "phase", None}
            How frequencies are weighted: by signal and noise, as found in the images; all alike
            after whitening, as ``skimage.registration.phase_cross_correlation`` does by default; or
            as they are. Whitening amplifies noise where optics pass no signal.
        pixel_size : float or one per component, optional
            Of a pixel, in nm. By default the coordinates x, y (and z) say where pixels are, in the
            unit of their ``attrs["units"]``; if there are none, the drift is in pixels.
        origin : {"first_chunk", "first_frame", "mean"}
            What the result is zero at.
        progress : bool
            Show a progress bar.

        Returns
        -------
        Dataset
            As that of ``table.smlm.drift``, with one chunk for each image; it corrects tables and
            stacks alike. ``quality`` is the contrast of an image: 1 if its fine structure is as
            strong as usual. One that shares none with the others (out of focus, empty) is not
            valid: NaN, and one warning names it.

        Raises
        ------
        StackError
            If the stack cannot be used: all that is wrong at once.
        OptionError
            If an argument makes no sense.

        Notes
        -----
        Of dask, images are read twice, one chunk at a time. Frequencies are kept of all images,
        together no more than 0.5 GB: of many large images only the lower ones; a part of the field,
        ``stack.isel(x=slice(512), y=slice(512))``, keeps its fine structure.

        What does not move with the sample, such as dirt on the camera, counts as structure that
        does not drift.

        Examples
        --------
        >>> import numpy as np, xarray as xr, smlm_accessor
        >>> texture = np.random.default_rng(1).normal(size=(96, 96)).cumsum(0).cumsum(1)
        >>> stack = xr.DataArray(
        ...     [texture[16:80, 16 - i : 80 - i] for i in range(4)], dims=("frame", "y", "x")
        ... )
        >>> drift = stack.smlm.drift(pixel_size=100)
        >>> drift.offset.sel(component="x").values.round(-1).tolist()
        [0.0, -100.0, -200.0, -300.0]
        """

    @_calls("smlm_accessor.images.stacks.correct", "correct_stack")
    def correct(
        self,
        drift: xr.Dataset | DriftModel,
        *,
        by: str | None = None,
        outside: str | None = None,
        order: int = 3,
        pixel_size: PerComponent | None = None,
    ) -> xr.DataArray:
        """Return a new stack, corrected by a drift, which may be that of a table.

        Parameters
        ----------
        drift : Dataset or DriftModel
            Of this stack, or of localizations recorded with it.
        by : {"cubic", "linear", "chunk"}, optional
            As for ``table.smlm.correct``.
        outside : {"hold", "linear", "nan", "error"}, optional
            As for ``table.smlm.correct``.
        order : int
            Of the spline that interpolates between pixels: 1 is linear, 3 cubic.
        pixel_size : float or one per component, optional
            As for `drift`.

        Returns
        -------
        DataArray
            Dimensions, coordinates, name and attrs as they were; of dask, images are moved when
            they are computed. Pixels are float32, or float64 if they were of more than 16 bits
            (but float32 stays), and NaN where nothing was recorded.

        Raises
        ------
        StackError
            If the stack cannot be used: all that is wrong at once.
        DriftError
            If ``drift`` is none.
        OptionError
            If an argument makes no sense.

        Examples
        --------
        >>> import numpy as np, xarray as xr, smlm_accessor
        >>> texture = np.random.default_rng(1).normal(size=(96, 96)).cumsum(0).cumsum(1)
        >>> stack = xr.DataArray(
        ...     [texture[16:80, 16 - i : 80 - i] for i in range(4)], dims=("frame", "y", "x")
        ... )
        >>> fixed = stack.smlm.correct(stack.smlm.drift())
        >>> before, after = (abs(s[3] - s[0]).mean().item() for s in (stack, fixed))
        >>> after < before / 10
        True
        """
