"""Turn a file into a C header that holds its bytes.

usage: embed.py FILE OUT.h NAME
"""
import sys

source, out, name = sys.argv[1:]
with open(source, 'rb') as f:
    octets = f.read()
with open(out, 'w', encoding='utf-8') as f:
    f.write(f'/* made by schema/embed.py */\n#pragma once\n\nstatic const unsigned char {name}[] = {{\n')
    for at in range(0, len(octets), 24):
        f.write('    ' + ', '.join(map(str, octets[at:at + 24])) + ',\n')
    f.write('};\n')
