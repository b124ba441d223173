"""Turn an .avsc into C: its compact text, and for each record of plain fields a struct and a function that writes it.

usage: embed_avsc.py NAME FILE.avsc OUT.c OUT.h

A nullable field becomes a pair {is_set, value}, so that a struct of zeros has null in all of them. Records that hold
other records or arrays are left to the caller, who writes their few fields by hand.
"""
import json
import sys

C_TYPES = {'boolean': 'bool', 'int': 'int32_t', 'long': 'int64_t', 'float': 'float', 'double': 'double',
           'string': 'const char *', 'bytes': 'sl_str'}
PUTS = {'boolean': 'sl_avro_put_bool(out, {})', 'int': 'sl_avro_put_long(out, {})', 'long': 'sl_avro_put_long(out, {})',
        'float': 'sl_avro_put_float(out, {})', 'double': 'sl_avro_put_double(out, {})',
        'string': 'sl_avro_put_text(out, {})', 'bytes': 'sl_avro_put_bytes(out, {0}.ptr, {0}.len)'}


def records(kind):
    """All records in a type, the inner ones first."""
    if isinstance(kind, list):
        return [r for branch in kind for r in records(branch)]
    if isinstance(kind, dict) and kind['type'] == 'array':
        return records(kind['items'])
    if isinstance(kind, dict) and kind['type'] == 'record':
        return [r for field in kind['fields'] for r in records(field['type'])] + [kind]
    return []


def plain(kind):
    """(primitive, nullable) of a type, or None where it is neither."""
    nullable = isinstance(kind, list) and len(kind) == 2 and kind[0] == 'null'
    if nullable:
        kind = kind[1]
    return (kind, nullable) if isinstance(kind, str) and kind in C_TYPES else None


def member(field):
    primitive, nullable = plain(field['type'])
    if nullable:
        return f"    sl_some_{primitive} {field['name']};"
    space = '' if C_TYPES[primitive].endswith('*') else ' '
    return f"    {C_TYPES[primitive]}{space}{field['name']};"


def put(field):
    primitive, nullable = plain(field['type'])
    name = 'r->' + field['name']
    if not nullable:
        return f'    {PUTS[primitive].format(name)};'
    value = PUTS[primitive].format(name + '.value')
    return f'    sl_avro_put_union(out, {name}.is_set);\n    if ({name}.is_set) {value};'


def main():
    name, source, out_c, out_h = sys.argv[1:]
    with open(source, encoding='utf-8') as f:
        schema = json.load(f)
    text = json.dumps(schema, separators=(',', ':'))
    header = [f'/* made by schema/embed_avsc.py: the schema of {name} packets, and its plain records */', '#pragma once', '',
              '#include "simulate/some.h"', '', f'extern const char sl_{name}_schema[];',
              f'enum {{ SL_{name.upper()}_SCHEMA_LENGTH = {len(text.encode())} }};', '']
    code = [f'#include "{name}_alert.h"', '', f'const char sl_{name}_schema[] = {{']
    octets = text.encode()  # as numbers: a string literal this long is beyond what C promises
    for at in range(0, len(octets), 24):
        code.append('    ' + ', '.join(map(str, octets[at:at + 24])) + ',')
    code += ['};']
    for record in records(schema):
        if not all(plain(field['type']) for field in record['fields']):
            continue
        c_name = name + '_' + record['name'].split('.')[-1]
        header += [f'typedef struct sl_{c_name} {{', *map(member, record['fields']), f'}} sl_{c_name};',
                   f'void sl_put_{c_name}(sl_avro_out *out, const sl_{c_name} *r);', '']
        code += ['', f'void sl_put_{c_name}(sl_avro_out *out, const sl_{c_name} *r)', '{',
                 *map(put, record['fields']), '}']
    for path, lines in ((out_h, header), (out_c, code)):
        with open(path, 'w', encoding='utf-8') as f:
            f.write('\n'.join(lines) + '\n')


main()
