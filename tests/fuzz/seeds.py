#!/usr/bin/env python3
"""Writes the seeds below tests/fuzz/corpus: small sound files of each format, and some that are nearly sound.

    tests/fuzz/seeds.py build/release/crosstalk build/fuzz/tests/fuzz/crosstalk_fuzz_seeds

The command makes the models and records, the second program the parts of long runs; everything else is made here.
"""
import base64
import gzip
import io
import pathlib
import struct
import subprocess
import sys
import tempfile
import zipfile
import zlib

CORPUS = pathlib.Path(__file__).parent / "corpus"


def put(reader, name, content, kind="seed"):
    """Of the kind `refused` are files that must be refused."""
    folder = CORPUS / reader
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{kind}-{name}").write_bytes(content.encode() if isinstance(content, str) else content)


def packed(content):
    return gzip.compress(content if isinstance(content, bytes) else content.encode(), mtime=0)


TABLE = "task,label,x,y\na,1,2.5,u\nb,2,3.5,v\na,3,4.5,v\nb,4,-1e-3,u\n"


def tables():
    put("csv", "plain", TABLE)
    put("csv", "quoted", 'task;label;"size, m2";y\r\n"a";1;"1.234,5";"u""v"\r\nb;2;"2.000,25";w\r\n')
    put("csv", "marks", 'task\tlabel\tmoney\tshare\na\t1\t"$1,234.50"\t5 %\nb\t2\t"$2,000.00"\t7.5 %\n')
    put("csv", "missing", "task|label|x|z\na|1|NA|1\nb|2||2\na|3|4|n/a\nb|2.5|7|?\n")
    put("csv", "injected", "task,label,x,injected,part\na,1,2.5,0,train\nb,2,3.5,0,test\na,3,4.5,1,train\n")
    put("csv", "bare", "1,2,a\n2,3,b\n3,4,a\n")
    put("csv", "utf16", "\ufefftask,label,x\na,1,2\nb,2,3\n".encode("utf-16-le"))
    put("csv", "windows", "task,label,x\ncaf\xe9,1,2 \x80\nb,2,3 \x80\n".encode("latin-1"))
    put("csv", "packed", packed(TABLE))
    put("csv", "rows", "id,task,label,x\n0,a,yes,1\n1,b,no,2\n2,a,no,1\n")
    put("csv", "zeros", b"task,label\0,x\na,1,2\n", kind="refused")
    put("svmlight", "plain", "1 1:0.5 3:2\n-1 2:1 # a comment\n")
    put("svmlight", "tasks", "1.5 qid:7 0:0.5 2:1e-3\n-0.5 qid:8 1:3\n+2 qid:7 2:-4\n")
    put("svmlight", "packed", packed("1 1:1\n0 1:2\n"))


def npy(kind, shape, content, order=False, version=1):
    text = f"{{'descr': '{kind}', 'fortran_order': {order}, 'shape': {shape}, }}"
    sizes = struct.pack("<H" if version == 1 else "<I", 0)
    text = text.ljust(63 - (8 + len(sizes) + len(text)) % 64 + len(text)) + "\n"
    size = struct.pack("<H" if version == 1 else "<I", len(text))
    return b"\x93NUMPY" + bytes([version, 0]) + size + text.encode() + content


def doubles(*values):
    return struct.pack(f"<{len(values)}d", *values)


def npz(arrays, compression=zipfile.ZIP_STORED):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, content in arrays.items():
            archive.writestr(zipfile.ZipInfo(name + ".npy"), content, compression)
    return file.getvalue()


def arrays():
    matrix = npy("<f8", "(3, 2)", doubles(1, 2, 3, 4, 5, 6))
    labels = npy("<f8", "(3,)", doubles(1, 2, 3))
    put("npy", "doubles", matrix)
    put("npy", "columns", npy(">f4", "(2, 2)", struct.pack(">4f", 1, 2, 3, 4), order=True))
    put("npy", "integers", npy("<i8", "(2,)", struct.pack("<2q", -1, 1 << 40), version=2))
    put("npy", "truths", npy("|b1", "()", b"\x01", version=3))
    put("npy", "bytes", npy("|u1", "(1, 2, 2, 3)", bytes(range(12))))
    put("npz", "rows", npz({"X": matrix, "y": labels, "task": npy("<i8", "(3,)", struct.pack("<3q", 0, 1, 0))}))
    put("npz", "tasks", npz({"X0": matrix, "y0": labels, "X1": matrix, "y1": labels}, zipfile.ZIP_DEFLATED))
    images = npy("|u1", "(2, 3, 4)", bytes(range(24)))
    classes = npy("|u1", "(2,)", b"\x00\x01")
    depth = npy("<f4", "(2, 3, 4)", struct.pack("<24f", *range(24)))
    put("npz", "images", npz({"images": images, "kind": classes, "depth": depth}))
    put("npz", "last", npz({"images": npy("|u1", "(2, 2, 2, 3)", bytes(24)), "v": npy("<f8", "(2,)", doubles(1, 2))}))


def mat_element(kind, data):
    return struct.pack("<II", kind, len(data)) + data + b"\0" * (-len(data) % 8)


def mat_array(flags, sizes, name, content):
    head = mat_element(6, struct.pack("<II", flags, 0)) + mat_element(5, struct.pack(f"<{len(sizes)}i", *sizes))
    return mat_element(14, head + mat_element(1, name.encode()) + content)


def mat_file(*variables):
    return b"MATLAB 5.0 MAT-file".ljust(124) + b"\0\1IM" + b"".join(variables)


def mats():
    def matrix(rows, columns, values, name=""):
        return mat_array(6, [rows, columns], name, mat_element(9, doubles(*values)))

    def cells(name, entries):
        return mat_array(1, [1, len(entries)], name, b"".join(entries))

    feature = cells("feature", [matrix(2, 2, [1, 2, 3, 4]), matrix(1, 2, [5, 6])])
    label = cells("label", [matrix(2, 1, [1, 0]), matrix(1, 1, [1])])
    sparse = mat_array(5, [3, 2], "s", mat_element(5, struct.pack("<3i", 0, 1, 2)) +
                       mat_element(5, struct.pack("<3i", 0, 1, 3)) + mat_element(9, doubles(1, 2, 3)))
    put("mat", "tasks", mat_file(feature, label))
    put("mat", "sparse", mat_file(sparse))
    put("mat", "packed", mat_file(*(struct.pack("<II", 15, len(zlib.compress(v))) + zlib.compress(v)
                                    for v in (feature, label, sparse))))
    put("mat", "small", mat_file(mat_array(8, [1, 4], "b", struct.pack("<HH", 1, 4) + b"\1\2\3\4")))
    put("mat", "text", mat_file(mat_array(4, [1, 2], "t", mat_element(4, b"h\0i\0"))))


def tar_member(name, content, kind=b"0"):
    block = bytearray(512)
    block[0:len(name)] = name.encode()
    block[100:108] = b"0000644\0"
    block[124:136] = b"%011o\0" % len(content)
    block[148:156] = b" " * 8
    block[156:157] = kind
    block[257:265] = b"ustar\x0000"
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block) + content + b"\0" * (-len(content) % 512)


def png(width, height, bits, colour, rows, extra=b"", interlace=0):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    pixels = b"".join(b"\0" + row for row in rows)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, interlace)) +
            (chunk(b"PLTE", extra) if extra else b"") + chunk(b"tEXt", b"a\0b") + chunk(b"IDAT", zlib.compress(pixels)) +
            chunk(b"IEND", b""))


def jpeg(components, progressive=False, restart=0):
    """One even block of 8 x 8 a component: the difference of its mean has 0 bits, then the block ends."""
    def segment(marker, data):
        return bytes([0xff, marker]) + struct.pack(">H", len(data) + 2) + data

    frame = struct.pack(">BHHB", 8, 8, 8, components) + b"".join(bytes([c + 1, 0x11, 0]) for c in range(components))
    content = b"\xff\xd8" + segment(0xdb, bytes([0] + [16] * 64)) + segment(0xc2 if progressive else 0xc0, frame)
    content += segment(0xc4, bytes([0x00, 1] + [0] * 15 + [0]))  # ... for a difference of 0 bits
    content += segment(0xc4, bytes([0x10, 1] + [0] * 15 + [0]))  # ... for the end of a block
    if restart:
        content += segment(0xdd, struct.pack(">H", restart))
    ids = b"".join(bytes([c + 1, 0x00]) for c in range(components))
    if not progressive:
        return content + segment(0xda, bytes([components]) + ids + b"\0\x3f\0") + b"\0\0" + b"\xff\xd9"
    content += segment(0xda, bytes([components]) + ids + b"\0\0\1") + b"\0"
    for c in range(components):
        content += segment(0xda, bytes([1, c + 1, 0x00]) + b"\1\x3f\0") + b"\0"
    return content + b"\xff\xd9"


def images():
    put("idx", "images", b"\0\0\x08\3" + struct.pack(">III", 2, 2, 3) + bytes(range(12)))
    put("idx", "labels", b"\0\0\x08\1" + struct.pack(">I", 4) + bytes([0, 1, 2, 1]))
    put("idx", "rows", b"\0\0\x08\2" + struct.pack(">II", 2, 3) + bytes(6))
    grey = png(2, 2, 8, 0, [b"\0\x80", b"\xff\1"])
    put("png", "grey", grey)
    put("png", "rgb", png(2, 1, 8, 2, [bytes(range(6))]))
    put("png", "palette", png(4, 1, 2, 3, [b"\x1b"], extra=bytes(range(12))))
    put("png", "bits", png(8, 2, 1, 0, [b"\xaa", b"\x55"]))
    put("png", "interlaced", png(1, 1, 8, 0, [b"\7"], interlace=1))
    put("png", "alpha", png(1, 1, 8, 6, [bytes(4)]), kind="refused")
    put("jpeg", "grey", jpeg(1))
    put("jpeg", "rgb", jpeg(3))
    put("jpeg", "progressive", jpeg(3, progressive=True))
    put("jpeg", "restart", jpeg(1, restart=1))
    # One pixel, as libwebp writes it.
    put("webp", "pixel", base64.b64decode("UklGRiIAAABXRUJQVlA4IBYAAAAwAQCdASoBAAEADsD+JaQAA3AAAAAA"))
    entry = struct.pack("<HHII", 0x0112, 3, 1, 6)
    thumbnail = struct.pack("<HHII", 0x0201, 4, 1, 56) + struct.pack("<HHII", 0x0202, 4, 1, 9)
    put("exif", "small", b"II*\0" + struct.pack("<IH", 8, 1) + entry + struct.pack("<IH", 26, 2) + thumbnail +
        bytes(4) + b"THUMBNAIL")
    put("exif", "big", b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x0112, 3, 1, 8, 0, 0))
    put("exif", "short", b"II*\0\x08\0\0\0\xff\xff", kind="refused")
    put("map", "classes", png(2, 2, 8, 0, [b"\0\1", b"\2\xff"]))
    put("map", "depth", npy("<f4", "(2, 3)", struct.pack("<6f", 1, 2, 3, 4, float("nan"), 6)))
    put("map", "normals", npy("<f8", "(1, 2, 3)", doubles(1, 0, 0, 0, 0, -1)))
    labels = "file,kind,age\na.png,cat,1.5\nb.png,dog,\n"
    put("label_table", "files", labels)
    put("label_table", "index", "index;sha256;kind\n0;00;1\n1;01;1.0\n")
    put("label_table", "maps", "file,depth\na.png,a.npy\nsub/b.png,maps/b.npy\n")
    put("tar", "images", tar_member("set/labels.csv", labels.encode()) + tar_member("set/a.png", grey) +
        tar_member("set/b.png", grey) + bytes(1024))
    pax = b"30 path=a/long/name/of/a.text\n"
    put("tar", "names", tar_member("pax", pax, b"x") + tar_member("a", b"1") +
        tar_member("././@LongLink", b"another/name\0", b"L") + tar_member("b", b"22") + tar_member("dir/", b"", b"5"))
    put("gz", "text", packed("one line\n"))
    put("gz", "two", packed("one") + packed("two") + bytes(7))
    put("gz", "zeros", packed(bytes(100_000)))
    put("gz", "none", b"not packed")


def settings():
    put("config", "flat", 'task = "shop"\nlabel = "stars"\nlambda1 = 0.1\ncv = true\nbudgets = [0.1, 0.2]\nseed = 1_000\n')
    put("config", "tables", '# both\nseed = 2\n[audit]\nbudgets = "0.1,0.2"\n[fit]\ncv = false\n')
    put("config", "strings", "\ufefftask = \"caf\u00e9 \\\" # no\" # caf\u00e9\nlabel = '\u00e9 \\\\'\n"
        'budgets = """\n\u00e9 "" \u3042""""\nseed = \'\'\'\u00e9\'\u00e9\'\'\'\n')
    put("config", "words", "task = caf\u00e9\n", kind="refused")
    put("schema", "all", "column,kind,low,high,group\na,integer,-3,3,\nb,continuous,,2.5,\nstars,label,-4,4,\n")
    put("schema", "fixed", "kind;column\nfixed;a\nbinary;b\n")
    put("schema", "group", "column,kind,group\na,one-hot,g\nb,one-hot,g\n")
    put("prices", "two", "task,price\np,1.5\nq,4\n")
    put("prices", "quoted", 'price\ttask\n2\t"r"\n')
    put("rows", "known", 'shop,stars,price,colour,share\nnorth,yes,"1,200.50",red,10%\nsouth,no,"3,000.00",blue,5%\n')
    put("rows", "words", "stars,shop,share,price,colour\nno,south,1%,7,blue\n")
    put("rows", "other", 'colour;more;share;shop;price\nwhite;1;7 %;west;"2,000"\n', kind="refused")
    put("parts_mark", "same", '{"crosstalk":"finished parts of a run, removed when it is done",'
        '"run":{"version":"1","inputs":"2","flags":{"seed":1}}}')


def by_the_command(command):
    table = ("shop,stars,a,b,c\n" + "".join(f"{shop},{1.5 * i - k:g},{i * 0.7 - k:g},{'red' if (i + k) % 3 else 'blue'},"
                                            f"{i * i - k}\n" for i in range(6) for k, shop in enumerate(("alpha", "beta"))))
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        (root / "t.csv").write_text(table)
        words = ["t.csv", "--task", "shop", "--label", "stars", "--lambda1", "0.1", "--lambda2", "0.1", "--quiet"]
        for name, more in (("plain", []), ("pca", ["--pca", "1", "--scale", "unit-ball"]),
                           ("units", ["--standardise-labels", "task", "--scale", "none"])):
            subprocess.run([command, "fit", *words, *more, "--out", name], cwd=root, check=True, stdout=subprocess.DEVNULL)
            put("model", name, (root / name / "model.json").read_bytes())
        subprocess.run([command, "certify", *words, "--groups", "3", "--loss", "squared", "--out", "votes"], cwd=root,
                       check=True, stdout=subprocess.DEVNULL)
        put("model", "votes", (root / "votes" / "model.json").read_bytes())
        record = (root / "plain" / "run.json").read_text()
        put("record", "fit", record)
        put("record", "flags", '{"command":"audit","configuration":{"task":"shop","lambda1":0.1,"cv":true,"seed":null}}')


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    tables()
    arrays()
    mats()
    images()
    settings()
    by_the_command(str(pathlib.Path(sys.argv[1]).absolute()))
    subprocess.run([sys.argv[2], CORPUS], check=True)


main()
