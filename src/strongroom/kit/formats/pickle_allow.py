"""What a pickle may import without running code that the file chooses: plain containers, and how arrays are rebuilt.

The list follows what torch's `weights_only` unpickler takes (torch/_weights_only_unpickler.py) and numpy's own arrays.
Names count whole: `torch._utils _rebuild_tensor_v2` is on it, `torch._utils os.system` is not.
"""

_TORCH_TYPES = (
    "float32 float64 float16 bfloat16 uint8 int8 int16 int32 int64 bool complex32 complex64 complex128 half float double "
    "short int long uint16 uint32 uint64 quint8 qint8 qint32 quint4x2 quint2x4 float8_e4m3fn float8_e5m2 "
    "float8_e4m3fnuz float8_e5m2fnuz float8_e8m0fnu strided sparse_coo sparse_csr sparse_csc sparse_bsr sparse_bsc "
    "per_tensor_affine per_channel_affine per_tensor_symmetric per_channel_symmetric contiguous_format "
    "preserve_format channels_last Size Tensor device dtype "
    "FloatStorage DoubleStorage HalfStorage BFloat16Storage LongStorage IntStorage ShortStorage CharStorage ByteStorage "
    "BoolStorage ComplexFloatStorage ComplexDoubleStorage QUInt8Storage QInt8Storage QInt32Storage QUInt4x2Storage "
    "QUInt2x4Storage"
)
_REBUILD = (
    "_rebuild_tensor _rebuild_tensor_v2 _rebuild_tensor_v3 _rebuild_parameter _rebuild_parameter_with_state "
    "_rebuild_qtensor _rebuild_sparse_tensor _rebuild_sparse_csr_tensor _rebuild_meta_tensor_no_storage "
    "_rebuild_nested_tensor _rebuild_device_tensor_from_numpy _rebuild_device_tensor_from_cpu_tensor"
)
_ARRAYS = ("numpy.core.multiarray", "numpy._core.multiarray")


def _pairs(module: str, names: str) -> set[str]:
    return {f"{module} {name}" for name in names.split()}


HARMLESS: frozenset[str] = frozenset(
    _pairs("torch", _TORCH_TYPES)
    | _pairs("torch._utils", _REBUILD)
    | _pairs("torch.storage", "UntypedStorage TypedStorage")
    | _pairs("torch.nn.parameter", "Parameter UninitializedParameter Buffer")
    | _pairs("torch._tensor", "_rebuild_from_type_v2")
    | _pairs("torch.serialization", "_get_layout")
    | _pairs("collections", "OrderedDict Counter defaultdict deque")
    | _pairs("_codecs", "encode")
    | _pairs("builtins", "set frozenset bytearray complex slice range list dict tuple int float bool str bytes")
    | _pairs(
        "__builtin__", "set frozenset bytearray complex slice list dict tuple int float bool str bytes long unicode"
    )
    | _pairs("copyreg", "_reconstructor __newobj__")
    | _pairs("copy_reg", "_reconstructor")
    | _pairs("builtins", "object")
    | _pairs("__builtin__", "object")
    | _pairs("datetime", "datetime date time timedelta timezone")
    | _pairs("decimal", "Decimal")
    | _pairs("uuid", "UUID")
    | {f"{module} {name}" for module in _ARRAYS for name in ("_reconstruct", "scalar")}
    | _pairs("numpy.core.numeric", "_frombuffer")
    | _pairs("numpy._core.numeric", "_frombuffer")
    | _pairs(
        "numpy",
        "ndarray dtype bool_ bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64 longdouble "
        "complex64 complex128 clongdouble str_ bytes_ void object_ datetime64 timedelta64 intc intp longlong ulonglong "
        "recarray record",
    )
    | _pairs(
        "numpy.dtypes",
        "BoolDType Int8DType Int16DType Int32DType Int64DType UInt8DType UInt16DType UInt32DType UInt64DType "
        "Float16DType Float32DType Float64DType Complex64DType Complex128DType StrDType BytesDType ObjectDType "
        "VoidDType DateTime64DType TimeDelta64DType",
    )
    | _pairs("numpy.ma.core", "_mareconstruct MaskedArray")
    | _pairs("numpy.ma", "MaskedArray")
    | _pairs("numpy.rec", "recarray record")
    | _pairs("numpy.random._pickle", "__randomstate_ctor __generator_ctor __bit_generator_ctor")
    | _pairs("numpy.random._mt19937", "MT19937")
    | _pairs("numpy.random._pcg64", "PCG64")
    | _pairs("joblib.numpy_pickle", "NumpyArrayWrapper")
)
"""Imports as `module name`. Everything else is code that the file names, and runs when it is loaded."""

FAMILIES = {
    "sklearn": "scikit-learn",
    "joblib": "joblib",
    "xgboost": "XGBoost",
    "lightgbm": "LightGBM",
    "catboost": "CatBoost",
    "transformers": "Transformers",
    "torch": "PyTorch",
    "tensorflow": "TensorFlow",
    "keras": "Keras",
}
"""The library that a pickle is of, by the first piece of a module that it imports."""
