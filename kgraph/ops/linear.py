"""Operations of linear algebra, and transforms of signals."""

from __future__ import annotations

from collections.abc import Callable

from kgraph.graph import Slot, Spec
from kgraph.ops import fields
from kgraph.ops.arranging import one
from kgraph.ops.base import Call, Knowledge, is_single, keeps_all, shape_of
from kgraph.ops.extents import Extent, plus
from kgraph.ops.refusing import refuse, short

Shape = tuple[int | None, ...]
Specs = tuple[Spec, ...] | None


def _matrix(call: Call, *, square: bool = True) -> Shape | None:
    """The shape of a batch of matrices; None where Keras raises."""
    shape = shape_of(call)
    if len(shape) < 2:
        return refuse("{} takes matrices; it receives {}", short(call.kind), shape)
    if not square or shape[-2] == shape[-1]:
        return shape
    return refuse("{} takes square matrices; it receives {}", short(call.kind), shape)


def _of(call: Call, *shapes: Shape) -> Specs:
    """Several outputs in the operand's dtype."""
    return tuple(Spec(shape, call.operands[0].dtype) for shape in shapes) if is_single(call) else None


def _square_specs(call: Call) -> Specs:
    shape = _matrix(call)
    return None if shape is None else _of(call, shape)


def _det_specs(call: Call) -> Specs:
    shape = _matrix(call)
    return None if shape is None else _of(call, shape[:-2])


def _logdet_specs(call: Call) -> Specs:
    shape = shape_of(call)
    return _of(call, shape[:-2]) if len(shape) >= 2 else None


def _eig_specs(call: Call) -> Specs:
    shape = _matrix(call)
    return None if shape is None else _of(call, shape[:-1], shape)


def _smaller(shape: Shape) -> Extent:
    """The shorter side of matrices; Keras does not take open ones."""
    rows, columns = shape[-2:]
    return None if rows is None or columns is None else min(rows, columns)


def _lu_specs(call: Call) -> Specs:
    shape = _matrix(call, square=False)
    return None if shape is None or None in shape[-2:] else _of(call, shape, (*shape[:-2], _smaller(shape)))


def _qr_specs(call: Call) -> Specs:
    shape = _matrix(call, square=False)
    if shape is None or None in shape[-2:]:
        return None
    (*batch, rows, columns), inner = shape, _smaller(shape)
    if call.argument("mode") != "reduced":
        inner = rows
    return _of(call, (*batch, rows, inner), (*batch, inner, columns))


def _svd_specs(call: Call) -> Specs:
    shape = _matrix(call, square=False)
    if shape is None or None in shape[-2:]:
        return None
    (*batch, rows, columns), inner = shape, _smaller(shape)
    if not call.argument("compute_uv"):
        return _of(call, (*batch, inner))
    left, right = (rows, columns) if call.argument("full_matrices") else (inner, inner)
    return _of(call, (*batch, rows, left), (*batch, inner), (*batch, right, columns))


def _pinv_specs(call: Call) -> Specs:
    shape = _matrix(call, square=False)
    return None if shape is None else _of(call, (*shape[:-2], shape[-1], shape[-2]))


def _rank_specs(call: Call) -> Specs:
    shape = _matrix(call, square=False)
    return None if shape is None else one(call, shape[:-2], "int32")


def _solve_specs(call: Call) -> Specs:
    left, given = _matrix(call), call.arguments.get("b")
    if left is None or not isinstance(given, Slot) or not is_single(call):
        return None
    spec = call.operands[given.index]
    right = spec.shape or ()
    axis = {0: -2, 1: -1}.get(len(right) - len(left))
    if not right or (axis is not None and left[axis] != right[axis]):
        return None
    return (spec,)


# --- signals ------------------------------------------------------------------------------------------------------


def _parts(call: Call) -> tuple[Spec, Spec] | None:
    """The real and the imaginary part, of one shape."""
    alike = len(call.operands) == 2 and next(iter(call.arguments.values()), None) == (Slot(0), Slot(1))
    if not alike or not call.operands[0].shape or call.operands[0].shape != call.operands[1].shape:
        return None
    return call.operands[0], call.operands[1]


def _fourier(rank: int) -> Callable[[Call], Specs]:
    def specs(call: Call) -> Specs:
        found = _parts(call)
        shape = () if found is None else found[0].shape or ()
        return None if len(shape) < rank or None in shape[-rank:] else found

    return specs


def _length(call: Call, name: str, least: int = 1) -> int | None:
    found = call.argument(name)
    return found if fields.is_int(found, least) else None


def _half_specs(call: Call) -> Specs:
    shape, length = shape_of(call), call.argument("fft_length")
    if not shape or not (length is None or fields.is_int(length, 1)):
        return None
    extent = shape[-1] if length is None else length
    found = (*shape[:-1], None if extent is None else extent // 2 + 1)
    return _of(call, found, found)


def _whole_specs(call: Call) -> Specs:
    found, length = _parts(call), call.argument("fft_length")
    if found is None or not (length is None or fields.is_int(length, 1)):
        return None
    shape = shape_of(call)
    extent = plus(shape[-1], -1) if length is None else length
    return (Spec((*shape[:-1], extent if length is not None or extent is None else 2 * extent), found[0].dtype),)


def _sound_specs(call: Call) -> Specs:
    found, stride, width = _parts(call), _length(call, "sequence_stride"), _length(call, "fft_length")
    length = call.argument("length")
    if found is None or stride is None or width is None or not (length is None or fields.is_int(length, 1)):
        return None
    shape = found[0].shape or ()
    if len(shape) < 2:
        return None
    frames = plus(shape[-2], -1)
    cut = width // 2 * 2 if call.argument("center") else 0
    extent = length if length is not None or frames is None else frames * stride + width - cut
    return (Spec((*shape[:-2], extent), found[0].dtype),)


def _least_squares_specs(call: Call) -> Specs:
    left, given = shape_of(call), call.arguments.get("b")
    right = call.operands[given.index].shape if isinstance(given, Slot) else None
    if len(left) != 2 or right is None or len(right) not in (1, 2) or right[0] != left[0]:
        return None
    return one(call, (left[1], *right[1:]))


def _frames_specs(call: Call) -> Specs:
    """Keras records what does not fit as well: as many frames as there are, none or fewer than none."""
    shape, width, stride = shape_of(call), _length(call, "sequence_length"), _length(call, "sequence_stride")
    if not shape or width is None or stride is None:
        return None
    return _framed(call, shape, plus(shape[-1], -width), stride, width)


def _framed(call: Call, shape: Shape, room: Extent, stride: int, width: int) -> Specs:
    if room is not None and room < -stride:
        return None  # no tensor has fewer elements than none
    return one(call, (*shape[:-1], None if room is None else room // stride + 1, width))


def _spectra_specs(call: Call) -> Specs:
    shape, length, stride = shape_of(call), _length(call, "fft_length"), _length(call, "sequence_stride")
    if not shape or length is None or stride is None:
        return None
    padded = 0 if call.argument("center") is False else length // 2 * 2
    found = _framed(call, shape, plus(shape[-1], padded - length), stride, length // 2 + 1)
    return None if found is None else found * 2


def _complex_specs(call: Call) -> Specs:
    return one(call, (*shape_of(call), 2), "float32") if call.operands[0].dtype == "float32" else None


def _chosen_specs(call: Call) -> Specs:
    return one(call, shape_of(call), "bool")


def _found_specs(call: Call) -> Specs:
    """Places of values in a sorted sequence."""
    values, bins = call.arguments.get("values"), shape_of(call)
    if not isinstance(values, Slot) or len(bins) != 1 or bins[0] is None:
        return None
    return one(call, call.operands[values.index].shape, "int32")


def _batch_norm_specs(call: Call) -> Specs:
    shape, axis = shape_of(call), int(call.argument("axis")) if fields.is_int(call.argument("axis")) else None
    if axis is None or not -len(shape) <= axis < len(shape):
        return None
    for name in ("mean", "variance", "offset", "scale"):
        given = call.arguments.get(name)
        if isinstance(given, Slot) and not _is_vector(call.operands[given.index].shape, shape[axis]):
            return None
    return one(call, shape) if isinstance(call.arguments.get("variance"), Slot) else None


def _is_vector(shape: Shape | None, extent: Extent) -> bool:
    return shape is not None and len(shape) == 1 and shape[0] == extent


def _at_specs(call: Call) -> Specs:
    """Values at coordinates."""
    shape, given = shape_of(call), call.arguments.get("coordinates")
    found = call.operands[given.index].shape if isinstance(given, Slot) else None
    if found is None or len(found) < 2 or found[0] != len(shape):
        return None
    return one(call, found[1:])


SQUARE = Knowledge(specs=_square_specs, kept=keeps_all)
SOLVE = Knowledge(specs=_solve_specs)

KINDS = {
    **dict.fromkeys(("ops.cholesky", "ops.cholesky_inverse", "ops.inv"), SQUARE),
    "ops.det": Knowledge(specs=_det_specs),
    "ops.logdet": Knowledge(specs=_logdet_specs),
    "ops.eig": Knowledge(specs=_eig_specs),
    "ops.eigh": Knowledge(specs=_eig_specs),
    "ops.lu_factor": Knowledge(specs=_lu_specs),
    "ops.qr": Knowledge(specs=_qr_specs),
    "ops.svd": Knowledge(specs=_svd_specs),
    "ops.pinv": Knowledge(specs=_pinv_specs),
    "ops.matrix_rank": Knowledge(specs=_rank_specs),
    "ops.solve": SOLVE,
    "ops.solve_triangular": SOLVE,
    "ops.fft": Knowledge(specs=_fourier(1)),
    "ops.fft2": Knowledge(specs=_fourier(2)),
    "ops.ifft2": Knowledge(specs=_fourier(2)),
    "ops.rfft": Knowledge(specs=_half_specs),
    "ops.irfft": Knowledge(specs=_whole_specs),
    "ops.extract_sequences": Knowledge(specs=_frames_specs),
    "ops.istft": Knowledge(specs=_sound_specs),
    "ops.lstsq": Knowledge(specs=_least_squares_specs),
    "ops.stft": Knowledge(specs=_spectra_specs),
    "ops.view_as_real": Knowledge(specs=_complex_specs),
    "ops.in_top_k": Knowledge(specs=_chosen_specs),
    "ops.searchsorted": Knowledge(specs=_found_specs),
    "ops.batch_normalization": Knowledge(specs=_batch_norm_specs, kept=keeps_all),
    "ops.image.map_coordinates": Knowledge(specs=_at_specs),
}
