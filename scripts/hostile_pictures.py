"""Pictures that are made to cost much: memory, time, or the process."""

import io
import pathlib
import random
import struct
import zlib

from PIL import Image

PICTURES = pathlib.Path(__file__).resolve().parents[1] / "tests/pictures"
GIB = 1 << 30
# The memory that a refused picture may add to the server's, in MB.
REFUSED_COSTS = 20
# The same for a picture of 50 million pixels: the pixels, and the decoder's buffers.
LARGEST_COSTS = 220
SIDE = 7000
# The coefficients of a progressive JPEG of 49 million pixels, two bytes for each sample, on top of the decoder's buffers.
COEFFICIENTS, CMYK_COEFFICIENTS = 294, 392


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, before=b"", packed=None, kind=(8, 2), interlaced=False):
    """`kind` is the depth and the type of the colours (PNG, section 11.2.1)."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, *kind, 0, 0, interlaced))
    packed = zlib.compress(b"\0" * 1000) if packed is None else packed
    return b"\x89PNG\r\n\x1a\n" + header + before + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def packed_zeros(length):
    packer = zlib.compressobj(9)
    parts = [packer.compress(bytes(1 << 20)) for _ in range(length >> 20)]
    return b"".join(parts) + packer.flush()


def gif(width, height):
    screen = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(6)
    return screen + b"," + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x4c\x01\0;"


def bmp(width, height):
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54, 0, 0, 54) + info


def tiff(**changes):
    tags = {"width": (256, 4, 1, 10), "height": (257, 4, 1, 10), "bits": (258, 3, 1, 8), "compression": (259, 3, 1, 1)}
    tags |= {"colours": (262, 3, 1, 1), "offsets": (273, 4, 1, 8), "samples": (277, 3, 1, 1), "rows": (278, 4, 1, 10)}
    tags |= {"counts": (279, 4, 1, 100)} | changes
    entries = b"".join(struct.pack("<HHII", *tag) for tag in sorted(tags.values()))
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(104)


def webp(kind, data):
    data = kind + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(data) + 4) + b"WEBP" + data


def jpeg_of_scans(times):
    file = (PICTURES / "rocket_progressive.jpg").read_bytes()
    scan = file[file.rindex(b"\xff\xda") : -2]
    return file[:-2] + scan * times + b"\xff\xd9"


def jpeg_of_directories(count):
    """Directories that overlap: each entry points to another one, and following all pointers reads millions of entries."""
    entries = b"".join(struct.pack("<HHII", 0x8769, 4, 1, 20 + index) for index in range(count))
    exif = b"Exif\0\0II*\0" + struct.pack("<IH", 8, count) + entries
    segment = b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif
    file = (PICTURES / "coffee.jpg").read_bytes()
    return file[:2] + segment + file[2:]


def cases():
    zeros = packed_zeros(GIB)
    small = zlib.compress(b"".join(b"\0" + bytes(30) for _ in range(10)))
    huge_jpeg = b"\xff\xd8\xff\xc0\0\x11\x08\xff\xdc\xff\xdc\x03\x01\x11\0\x02\x11\0\x03\x11\0\xff\xda\0\x0c\x03\x01\0\x02\0\x03\0\0\x3f\0\xff\xd9"
    huge = {"width": (256, 4, 1, 7000), "height": (257, 4, 1, 7000), "rows": (278, 4, 1, 7000)}
    yield "PNG of 13000 x 13000, 20 kB", 422, png(13000, 13000, packed=packed_zeros(20 << 20))
    yield "PNG with a zTXt of 1 GB", 200, png(10, 10, chunk(b"zTXt", b"k\0\0" + zeros), small)
    yield "PNG with an iTXt of 1 GB", 200, png(10, 10, chunk(b"iTXt", b"k\0\1\0\0\0" + zeros), small)
    yield "PNG with a colour profile of 1 GB", (200, 422), png(10, 10, chunk(b"iCCP", b"k\0\0" + zeros), small)
    yield "PNG with 1 GB for 10 x 10 pixels", (200, 422), png(10, 10, packed=zeros)
    yield "GIF of 65535 x 65535", 422, gif(65535, 65535)
    yield "BMP of 60000 x 60000", 422, bmp(60000, 60000)
    yield "BMP of 7000 x 7000, without them", 422, bmp(7000, 7000)
    yield "BMP of -2147483648 x -2147483648", 422, bmp(-(2**31), -(2**31))
    yield "WebP of 16384 x 16384", 422, webp(b"VP8X", b"\0\0\0\0\xff\x3f\0\xff\x3f\0")
    yield "WebP of 16383 x 16383, lossy", 422, webp(b"VP8 ", b"\x10\0\0\x9d\x01\x2a" + struct.pack("<HH", 16383, 16383) + bytes(8))
    yield "JPEG of 65500 x 65500", 422, huge_jpeg
    yield "JPEG with Exif directories that overlap", 200, jpeg_of_directories(5000)
    yield "JPEG of 500 more scans", 422, jpeg_of_scans(500)
    yield "TIFF of 60000 x 60000", 422, tiff(width=(256, 4, 1, 60000), height=(257, 4, 1, 60000))
    yield "TIFF of 4 billion strips", 422, tiff(**huge | {"offsets": (273, 4, 4_000_000_000, 8), "counts": (279, 4, 4_000_000_000, 8)})
    yield "TIFF that lists 8 million strips", (200, 422), tiff(offsets=(273, 1, 8_000_000, 8), counts=(279, 1, 8_000_000, 8)) + bytes(8_000_000)
    yield "WebP of 7000 x 7000, lossy, without them", 422, webp(b"VP8 ", b"\x10\0\0\x9d\x01\x2a" + struct.pack("<HH", 7000, 7000) + bytes(8))
    yield "WebP of 61 x 43 with a picture of 16383 x 16383", 422, webp(b"VP8X", b"\0\0\0\0\x3c\0\0\x2a\0\0" + b"VP8L" + struct.pack("<I", 8) + b"\x2f\xfe\xbf\xff\x0f\0\0\0")
    yield "TIFF with a strip of 4 GB", 422, tiff(**huge | {"counts": (279, 4, 1, 4_000_000_000)})
    yield "TIFF with a colour profile of 4 GB", (200, 422), tiff(profile=(34675, 7, 4_000_000_000, 8))
    yield "PNG of 7000 x 7000, which is let in", 200, png(7000, 7000, packed=packed_zeros(148 << 20))
    yield "GIF of 7000 x 7000, one pixel of it there", 200, gif(7000, 7000)
    yield from prices()


def jpeg(mode, **options):
    """A progressive picture of one colour."""
    buffer = io.BytesIO()
    Image.new(mode, (SIDE, SIDE), "gray" if mode == "RGB" else 0).save(buffer, "JPEG", progressive=True, **options)
    return buffer.getvalue()


def tiff_of_shared_strips(bits, samples, form):
    """49 million pixels in strips of one row, which are all the same bytes of the file."""
    row = SIDE * samples * bits // 8
    # The lists, behind the directory of 11 entries: bits, formats, offsets, lengths.
    lists = 8 + 2 + 11 * 12 + 4
    small = 2 * samples
    place = lists + 2 * small
    data = place + 8 * SIDE
    tags = [
        (256, 4, 1, SIDE), (257, 4, 1, SIDE), (258, 3, samples, lists), (259, 3, 1, 1), (262, 3, 1, 2),
        (273, 4, SIDE, place), (277, 3, 1, samples), (278, 4, 1, 1), (279, 4, SIDE, place + 4 * SIDE),
        (338, 3, 1, 2 if samples == 4 else 0), (339, 3, samples, lists + small),
    ]  # fmt: skip
    entries = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    both = struct.pack(f"<{samples}H", *[bits] * samples) + struct.pack(f"<{samples}H", *[form] * samples)
    strips = struct.pack("<I", data) * SIDE + struct.pack("<I", row) * SIDE
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4) + both + strips + bytes(row)


def motion_photo():
    """A JPEG with 6 MB of video behind it, in which the marker of a scan occurs by chance."""
    video = random.Random(1).randbytes(6_000_000)
    return (PICTURES / "coffee.jpg").read_bytes() + b"\0\0\0\x18ftypmp42" + video + b"\xff\xda" * 1000


def prices():
    """Pictures with more memory behind each pixel than three bytes, and those with very long sides."""
    for width, height in [(1, 50_000_000), (50_000_000, 1), (12_500_000, 4)]:
        yield f"PNG of {width} x {height}", 422, png(width, height, packed=packed_zeros(1 << 20), kind=(8, 0))
    for width, height in [(1, 65_535), (65_535, 1), (65_535, 762)]:
        data = png(width, height, packed=packed_zeros(50 << 20), kind=(8, 0))
        yield f"PNG of {width} x {height}, which is let in", 200, data
    # A whole number of MiB, and one for the filters.
    deep = packed_zeros(SIDE * SIDE * 8 + (2 << 20))
    yield "PNG of 16-bit RGBA, which is let in", 200, png(SIDE, SIDE, packed=deep, kind=(16, 6))
    yield "PNG of 16-bit RGBA, interlaced, which is let in", 200, png(SIDE, SIDE, packed=deep, kind=(16, 6), interlaced=True)
    yield "TIFF of 16-bit RGB in one strip's bytes, which is let in", 200, tiff_of_shared_strips(16, 3, 1)
    yield "TIFF of 16-bit RGBA in one strip's bytes, which is let in", 200, tiff_of_shared_strips(16, 4, 1)
    yield "TIFF of floating-point RGB in one strip's bytes", 422, tiff_of_shared_strips(32, 3, 3)
    yield "TIFF of floating-point RGBA in one strip's bytes", 422, tiff_of_shared_strips(32, 4, 3)
    yield "JPEG with a video behind it", 200, motion_photo()
    yield "JPEG, progressive, 4:4:4, which is let in", 200, jpeg("RGB", subsampling=0), LARGEST_COSTS + COEFFICIENTS
    yield "JPEG, progressive, CMYK, which is let in", 200, jpeg("CMYK"), LARGEST_COSTS + CMYK_COEFFICIENTS
