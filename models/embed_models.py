"""Turn model files into one C file that holds their bytes, as src/model/embedded.h declares them.

usage: embed_models.py OUT.c [FILE.starling]...

A model is called by its file's name without the ending; they keep the order of the arguments. NAME-small answers only
where it is asked for by name.
"""
import sys
from pathlib import Path

out, *files = sys.argv[1:]
with open(out, "w", encoding="utf-8") as f:
    f.write("/* made by models/embed_models.py */\n#include <stdalign.h>\n\n#include \"model/embedded.h\"\n\n")
    for i, file in enumerate(files):
        octets = Path(file).read_bytes()
        f.write(f"alignas(64) static const unsigned char model_{i}[] = {{\n")
        for at in range(0, len(octets), 24):
            f.write("    " + ", ".join(map(str, octets[at:at + 24])) + ",\n")
        f.write("};\n")
    f.write("const sl_embedded_model sl_embedded_models[] = {\n")
    for i, file in enumerate(files):
        name = Path(file).stem
        by_name = str(name.endswith("-small")).lower()
        f.write(f'    {{"{name}", {by_name}, model_{i}, sizeof model_{i}}},\n')
    f.write("    {0},\n};\n")
