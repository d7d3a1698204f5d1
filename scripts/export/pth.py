"""Reads the tensors of a legacy PyTorch file without PyTorch and without running code from the file.

A legacy `.pth` is a sequence of pickles followed by raw numbers: a magic number, a protocol version, facts
about the machine, the object, the names of its storages, and each storage as a 64-bit count and
little-endian values. A pickle can call any function that it names, so this reader allows four names only.
"""

import collections
import pickle
import struct

import numpy

from .common import Failure

MAGIC = 0x1950A86A20F9469CFC6C
PROTOCOL = 1001
TYPES = {"FloatStorage": numpy.dtype("<f4"), "LongStorage": numpy.dtype("<i8")}


class Tensor:
    """A view of a storage. Offset, shape and strides are in elements."""

    def __init__(self, storage, offset, shape, strides, *_):
        self.storage, self.offset, self.shape, self.strides = storage, offset, shape, strides

    def read(self, storages):
        values = storages[self.storage[0]]
        size = values.itemsize
        last = self.offset + sum((side - 1) * stride for side, stride in zip(self.shape, self.strides))
        if self.offset < 0 or any(stride < 0 for stride in self.strides) or last >= max(len(values), 1):
            raise Failure("The weight file is damaged: a tensor is larger than its storage.")
        view = numpy.lib.stride_tricks.as_strided(
            values[self.offset :], self.shape, [stride * size for stride in self.strides], writeable=False
        )
        return view.copy()


class Unpickler(pickle.Unpickler):
    def find_class(self, module, name):
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return Tensor
        if module == "torch" and name in TYPES:
            return name
        raise Failure(f"The weight file is refused: it names {module}.{name}, which is no tensor.")

    def persistent_load(self, saved):
        kind, storage_type, key, _device, count, _view = saved
        if kind != "storage":
            raise Failure("The weight file is refused: it refers to something other than a storage.")
        return key, TYPES[storage_type], count


def load(path):
    """The tensors of the file at `path`, as a dict of NumPy arrays by name."""
    with open(path, "rb") as file:
        try:
            if Unpickler(file).load() != MAGIC or Unpickler(file).load() != PROTOCOL:
                raise Failure(f"{path.name} is not a PyTorch file of the legacy kind.")
            Unpickler(file).load()
            tensors = Unpickler(file).load()
            types = {tensor.storage[0]: tensor.storage[1:] for tensor in tensors.values()}
            storages = {key: read_storage(file, *types[key]) for key in Unpickler(file).load()}
        except (pickle.UnpicklingError, EOFError, struct.error, AttributeError, KeyError, TypeError, ValueError):
            raise Failure(f"{path.name} is not a PyTorch file of the legacy kind, or it is damaged.") from None
    return {name: tensor.read(storages) for name, tensor in tensors.items()}


def read_storage(file, dtype, expected):
    (count,) = struct.unpack("<q", file.read(8))
    data = file.read(count * dtype.itemsize) if count == expected else b""
    if count != expected or len(data) != count * dtype.itemsize:
        raise Failure("The weight file is damaged: a storage ends too early.")
    return numpy.frombuffer(data, dtype)
