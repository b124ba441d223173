"""Packed models read by docs/format.md alone: nothing of starling's, neither code nor FlatBuffers."""
import struct

import numpy as np

LOWEST, TOTAL = 1 << 16, 2048
DENSITIES = [0, 20, 33, 52, 78, 112, 157, 213, 283, 371, 480, 617, 793, 1024, 1366, 2048]


def vectors(data):
    """packed and packed_bytes of the root table, as FlatBuffers lays them out: fields 7 and 8."""
    root = struct.unpack_from("<I", data)[0]
    table = root - struct.unpack_from("<i", data, root)[0]
    size = struct.unpack_from("<H", data, table)[0]
    out = []
    for field in (7, 8):
        at = struct.unpack_from("<H", data, table + 4 + 2 * field)[0] if 4 + 2 * field < size else 0
        if at == 0:
            out.append(b"")
            continue
        at += root
        at += struct.unpack_from("<I", data, at)[0]
        n = struct.unpack_from("<I", data, at)[0]
        out.append(data[at + 4:at + 4 + n])
    return out


class Bit:
    def __init__(self):
        self.p, self.k = 1 << 15, 1

    def learn(self, bit):
        self.p += (65535 - self.p) >> self.k if bit else -(self.p >> self.k)
        self.k = min(self.k + 1, 5)


class Models(dict):
    """Models by a name, made when they are first needed."""

    def __missing__(self, key):
        self[key] = Bit()
        return self[key]


class Coder:
    def __init__(self, data):
        self.data, self.at = data, 8
        self.states = list(struct.unpack_from("<II", data))

    def take(self, start, share):
        x = self.states.pop(0)
        x = share * (x >> 11) + x % TOTAL - start
        if x < LOWEST:
            x = x << 16 | struct.unpack_from("<H", self.data, self.at)[0]
            self.at += 2
        self.states.append(x)

    def slot(self):
        return self.states[0] % TOTAL

    def symbol(self, shares):
        start, slot = 0, self.slot()
        for s, share in enumerate(shares):
            if slot < start + share:
                self.take(start, share)
                return s
            start += share
        raise ValueError("no symbol has that slot")

    def raw(self, n):
        out = 0
        while n > 0:
            part = min(n, 8)
            out = out << part | self.symbol([TOTAL >> part] * (1 << part))
            n -= part
        return out

    def bit(self, m):
        zeros = min(max((65535 - m.p) >> 5, 1), TOTAL - 1)
        bit = int(self.slot() >= zeros)
        self.take(zeros if bit else 0, TOTAL - zeros if bit else zeros)
        m.learn(bit)
        return bit

    def tree(self, models, n):
        node = 1
        for _ in range(n):
            node = 2 * node + self.bit(models[node])
        return node - (1 << n)

    def number(self, models):
        length = self.tree(models.setdefault("length", Models()), 6)
        if length == 0:
            return 0
        return ((2 + self.bit(models["second", length])) << (length - 1) | self.raw(length - 1)) - 1

    def signed(self, models):
        u = self.number(models)
        return u // 2 if u % 2 == 0 else -(u + 1) // 2

    def weights(self, n):
        models = Models()
        return shares_of([self.tree(models, 6) for _ in range(n)])

    def whole(self):
        return self.at == len(self.data) and self.states == [LOWEST, LOWEST]


def shares_of(weights):
    rough = [(4 + w % 4) << (w // 4) for w in weights]
    shares = [max(1, r * TOTAL // sum(rough)) for r in rough]
    while sum(shares) != TOTAL:
        most, excess = shares.index(max(shares)), sum(shares) - TOTAL
        shares[most] -= excess if excess < shares[most] - 1 else shares[most] // 2
    return shares


def shares_of_runs(density):
    shares, rest = [], TOTAL
    while len(shares) < 255:
        share = (rest * density + 1024) >> 11
        if share < 4:
            break
        shares.append(share)
        rest -= share
    return shares + [rest]


def half(bits):
    return float(np.uint16(bits).view(np.float16))


class Bits:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, n):
        value = sum((self.data[(self.at + i) // 8] >> (self.at + i) % 8 & 1) << i for i in range(n))
        self.at += n
        return value

    def align(self):
        self.at = (self.at + 7) // 8 * 8

    def bytes(self, n):
        self.at += 8 * n
        return self.data[self.at // 8 - n:self.at // 8]


class Reader:
    """Behind contract and layers, which are `skip`ped by whoever knows where the tensors begin."""

    def __init__(self, coder, data):
        self.coder, self.bits = coder, Bits(data)
        self.kinds, self.codings, self.counts, self.gaps = Models(), Models(), Models(), Models()

    def values(self):
        c = self.coder
        out = []
        for i in range(c.number(self.counts)):
            out.append(c.signed(self.counts) if i == 0 else out[-1] + 1 + c.number(self.gaps))
        return out

    def plain(self, n, n_values):
        return [self.bits.take(n_values.bit_length()) for _ in range(n)]

    def huffman(self, n, n_values):
        c = self.coder
        if n_values == 0:
            return [0] * n
        filler = (2 << c.raw(3)) - 1
        codes = []
        for n_symbols in (filler + 1, n_values):
            models, code, table = Models(), 0, {}
            lengths = [c.tree(models, 4) for _ in range(n_symbols)]
            for length in range(1, 12):
                code <<= 1
                for s in range(n_symbols):
                    if lengths[s] == length:
                        table[length, code] = s
                        code += 1
            codes.append(table)

        def symbol(table):
            length = code = 0
            while (length, code) not in table:
                code = code << 1 | self.bits.take(1)
                length += 1
            return table[length, code]

        out = []
        while len(out) < n:
            run = symbol(codes[0])
            out += [0] * run
            if run != filler:
                out.append(1 + symbol(codes[1]))
        return out[:n]

    def rans(self, rows, columns, n_values):
        c = self.coder
        shares = c.weights(n_values) if n_values > 0 else []
        way = c.raw(2)
        out = np.zeros((rows, columns), int)
        lines = [out.reshape(1, -1), out, out.T][way]
        models = Models()
        density = [c.tree(models, 4) for _ in lines]
        for d in range(1, 16):
            runs = shares_of_runs(DENSITIES[d])
            places = [(i, k) for i in range(len(lines)) if density[i] == d for k in range(lines.shape[1])]
            at = 0
            while at < len(places):
                if d < 15:
                    run = c.symbol(runs)
                    at += run
                    if run == len(runs) - 1:
                        continue
                lines[places[at]] = 1 + c.symbol(shares)
                at += 1
        return out.ravel().tolist()

    def indices(self, rows, columns, n_values):
        coding = self.coder.tree(self.codings, 2)
        if coding == 0:
            return self.plain(rows * columns, n_values)
        if coding == 1:
            return self.huffman(rows * columns, n_values)
        return self.rans(rows, columns, n_values)

    def levels(self, n):
        c = self.coder
        least, step = np.float32(half(c.raw(16))), np.float32(half(c.raw(16)))
        bits = c.raw(3) + 1
        middle, width = c.raw(bits), c.raw(4)
        shares = shares_of([max(0, 39 - ((2954 * (level - middle) ** 2 >> width) >> 8)) for level in range(1 << bits)])
        return [least + step * np.float32(c.symbol(shares)) for _ in range(n)]

    def tensor(self, shape):
        c, n = self.coder, int(np.prod(shape))
        rows, columns = (shape[0], n // shape[0]) if len(shape) > 1 else (1, n)
        kind = c.tree(self.kinds, 3)
        if kind == 0:
            out = np.frombuffer(self.bits.bytes(4 * n), "<f4")
        elif kind == 1:
            out = np.frombuffer(self.bits.bytes(2 * n), "<f2").astype("f4")
        elif kind == 2:
            out = (np.frombuffer(self.bits.bytes(2 * n), "<u2").astype("<u4") << 16).view("<f4")
        elif kind == 3:
            out = np.array(self.levels(n), "f4")
        else:
            scale = np.ones((rows, 1), "f4")
            if kind == 6:
                scale *= np.uint32(c.raw(32)).view("f4")
            if kind == 7:
                halves, _ = c.raw(1), c.raw(1)
                scale = np.array([[half(c.raw(16)) if halves else np.uint32(c.raw(32)).view("f4")] for _ in range(rows)], "f4")
            book = [0.0]
            for v in self.values():
                if kind == 4:
                    book.append(half(abs(v) | (0x8000 if v < 0 else 0)))
                elif kind == 5:
                    book.append(np.uint32(abs(v) | (0x80000000 if v < 0 else 0)).view("f4"))
                else:
                    book.append(v)
            out = scale * np.array(book, "f4")[self.indices(rows, columns, len(book) - 1)].reshape(rows, columns)
        self.bits.align()
        return out.reshape(shape)


class Fields:
    """Contract and layers, field by field; what is `None` is not looked at by the tests."""

    def __init__(self, coder):
        self.c = coder
        self.same, self.flag, self.letters, self.numbers = Bit(), Bit(), Models(), Models()

    def whole(self, standard):
        return standard if self.c.bit(self.same) else self.c.number(self.numbers)

    def real(self, standard):
        if self.c.bit(self.same):
            return standard
        if self.c.bit(self.flag):
            return self.c.signed(self.numbers) / 100
        low, high = self.c.raw(32), self.c.raw(32)
        return struct.unpack("<d", struct.pack("<II", low, high))[0]

    def float(self, standard):
        return standard if self.c.bit(self.same) else struct.unpack("<f", struct.pack("<I", self.c.raw(32)))[0]

    def raw_float(self):
        return struct.unpack("<f", struct.pack("<I", self.c.raw(32)))[0]

    def text(self):
        return bytes(self.c.tree(self.letters, 8) for _ in range(self.c.number(self.numbers))).decode()


def small(c, shares):
    """A number that has a symbol below 16, and a half of an octave from there on."""
    symbol = c.symbol(shares)
    if symbol < 16:
        return symbol
    n = 3 + (symbol - 16) // 2
    return (2 + symbol % 2) << n | c.raw(n)


def table(c, models, rises, n, before):
    """Knots of one value; `before` has the exponents that the next ones are told from."""
    floating = c.bit(models["scale"])
    before[floating] += c.signed(models["change", floating])
    steps = [c.signed(models["first"])]
    for _ in range(n - 1):
        steps.append(steps[-1] + small(c, rises))
    if not floating:
        return [s * 2.0 ** before[0] for s in steps]
    orders = [s << before[1] for s in steps]
    return [half(abs(o) | (0x8000 if o < 0 else 0)) for o in orders]


def features(f, n_bands):
    c, kinds, n_values, all_bands, band = f.c, [], 0, Bit(), Models()
    following, before = Models(), 0
    for _ in range(f.whole(0)):
        before += 1 + c.signed(following)
        mask = 0
        if before >= 64 and c.bit(all_bands):
            mask = sum(c.bit(band[b]) << b for b in range(n_bands))
        kinds.append((before, mask))
        n_values += 1 if before < 64 else bin(mask).count("1") if mask else n_bands
    if n_values == 0:
        return kinds, []
    n_knots = f.whole(0)
    if n_knots == 0:
        return kinds, [(f.raw_float(), f.raw_float()) for _ in range(n_values)]
    rises, before = c.weights(40), [0, 0]
    models = {"scale": Bit(), ("change", 0): Models(), ("change", 1): Models(), "first": Models()}
    return kinds, [table(c, models, rises, n_knots, before) for _ in range(n_values)]


def contract(c, standard):
    """`standard` has the bands' wavelengths and the classes of the contract starling."""
    f = Fields(c)
    out = {"name": f.text()}
    out["bands"] = []
    for b in range(f.whole(2)):
        out["bands"].append((f.text(), f.real(standard["wavelengths"][b] if b < 3 else 0.0)))
    n_channels = f.whole(2)
    f.whole(0)
    out["zero_point"] = f.real(27.5)
    for d in (0, 1, 1, 3):
        f.whole(d)
    for _ in range(3):
        c.bit(f.flag)
    out["window"] = f.real(50.0), f.real(50.0)
    out["points"] = f.whole(2), f.whole(1), f.whole(2000)
    gp = [f.real(x) for x in (2.0, 6000.0, 1.25e-12, 10.0, 5.991464547107982, 0.0, 13.815510557964274, 1e-6)]
    out["gp"] = gp + [f.whole(100)]
    scaling = f.whole(1)
    if scaling == 2:
        out["scale"] = [(f.raw_float(), f.raw_float()) for _ in range(n_channels)]
    f.whole(0)
    for i in range(f.whole(0)):
        f.whole(i)
    for _ in range(3):
        f.whole(0)
    out["asinh_scale"] = f.float(10.0)
    f.whole(0)
    out["features"], out["tables"] = features(f, len(out["bands"]))
    out["classes"] = []
    for _ in range(f.whole(14)):
        name = f.text()
        known = standard["classes"].get(name, (0, 0))
        out["classes"].append((name, *known) if c.bit(f.same) else (name, c.signed(f.numbers), c.signed(f.numbers)))
    out["source"], out["created_by"] = f.text(), f.text()
    return out


def layers(c):
    f, kinds, out = Fields(c), Models(), []
    for _ in range(c.number(f.numbers)):
        layer = {"kind": c.tree(kinds, 5), "activation": f.whole(0), "n_tensors": f.whole(0)}
        kind = layer["kind"]
        if kind == 10:
            layer["dilation"] = f.whole(1)
        if kind in (1, 10):
            layer["kernel"] = f.whole(1)
        if kind in (1, 5, 10, 8, 9):
            layer["units"] = f.whole(0)
        if kind in (8, 9):
            layer["bidirectional"] = c.bit(f.flag)
        if kind == 11:
            layer["pool"] = f.whole(1), f.whole(1)
        if kind == 3:
            layer["heads"], layer["key_dim"], layer["hidden"] = f.whole(16), f.whole(2), f.whole(128)
            layer["epsilon"] = f.float(1e-6)
        if kind == 14:
            layer["epsilon"] = f.float(1e-5)
        out.append(layer)
    return out


def read(data, shapes, standard):
    """Contract, layers, and tensors of those shapes; an error where the stream is not whole behind them."""
    packed, packed_bytes = vectors(data)
    c = Coder(packed)
    head = contract(c, standard)
    stack = layers(c)
    reader = Reader(c, packed_bytes)
    tensors = [reader.tensor(s) for s in shapes]
    if not c.whole() or reader.bits.at != 8 * len(packed_bytes):
        raise ValueError("the stream does not end where it should")
    return head, stack, tensors
