#include "lightcurve/fits_head.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"

enum { CARD = 80, VALUE = 72, MAX_CARDS = 20000, MAX_ROW_BYTES = 1 << 20 };

#define BROKEN(reason, ...) SL_FAIL(err, SL_ERR_FORMAT, SL_REASON_##reason, "FITS: " __VA_ARGS__)
#define BAD_VALUE(card) BROKEN(BAD_TABLE, "%s \"%s\"", (card)->key, (card)->value)
typedef unsigned long long ull; /* for %llu */

/* One line of a header: KEY     = value / comment. */
typedef struct card {
    char key[VALUE];
    char value[VALUE]; /* without quotes; empty if none */
} card;

static void copy_trimmed(char out[VALUE], const char *from, size_t n)
{
    while (n > 0 && *from == ' ') from++, n--;
    while (n > 0 && from[n - 1] == ' ') n--;
    if (n > VALUE - 1) n = VALUE - 1;
    memcpy(out, from, n);
    out[n] = '\0';
}

static void parse_value(char out[VALUE], const char *p, const char *end)
{
    while (p < end && *p == ' ') p++;
    if (p < end && *p == '\'') {
        size_t n = 0;
        for (p++; p < end && n < VALUE - 1; p++) {
            if (*p == '\'') {
                if (p + 1 == end || p[1] != '\'') break;
                p++;
            }
            out[n++] = *p;
        }
        while (n > 0 && out[n - 1] == ' ') n--;
        out[n] = '\0';
        return;
    }
    const char *slash = memchr(p, '/', (size_t)(end - p));
    copy_trimmed(out, p, (size_t)((slash != NULL ? slash : end) - p));
}

static void parse_card(const char *text, card *out)
{
    const char *equals = NULL, *key = text;
    out->value[0] = '\0';
    if (memcmp(text, "HIERARCH ", 9) == 0) {
        key = text + 9;
        equals = memchr(key, '=', CARD - 9);
    } else if (text[8] == '=') {
        equals = text + 8;
    }
    if (equals == NULL) {
        copy_trimmed(out->key, text, 8);
        return;
    }
    copy_trimmed(out->key, key, (size_t)(equals - key));
    parse_value(out->value, equals + 1, text + CARD);
}

/* Keys and values stand in messages: nothing in them may move a terminal's cursor. */
static void make_printable(char *text)
{
    for (; *text != '\0'; text++) {
        if (*text < ' ' || *text > '~') *text = '?';
    }
}

/* The card at *at, which moves on. SL_DONE behind END, with *at at the next block. */
static sl_status next_card(const unsigned char *file, size_t n, size_t begin, size_t *at, card *out, sl_error *err)
{
    if (*at > n || n - *at < CARD) return BROKEN(TRUNCATED, "a header without END");
    if ((*at - begin) / CARD >= MAX_CARDS) return BROKEN(TOO_LARGE, "a header of more than %d lines", MAX_CARDS);
    parse_card((const char *)file + *at, out);
    make_printable(out->key);
    make_printable(out->value);
    *at += CARD;
    if (strcmp(out->key, "END") != 0) return SL_OK;
    *at = begin + (*at - begin + SL_FITS_BLOCK - 1) / SL_FITS_BLOCK * SL_FITS_BLOCK;
    return SL_DONE;
}

static bool parse_count(const char *text, uint64_t *out)
{
    if (*text < '0' || *text > '9') return false;
    char *end;
    errno = 0;
    *out = strtoull(text, &end, 10);
    return errno == 0 && *end == '\0';
}

/* Bytes of one element, 0 for a type that is not plain. */
static size_t element_bytes(char type)
{
    switch (type) {
    case 'L':
    case 'B':
    case 'A': return 1;
    case 'I': return 2;
    case 'J':
    case 'E': return 4;
    case 'K':
    case 'D':
    case 'C': return 8;
    case 'M': return 16;
    default: return 0;
    }
}

static uint64_t column_bytes(const sl_fits_column *c)
{
    return c->type == 'X' ? (c->repeat + 7) / 8 : c->repeat * element_bytes(c->type);
}

/* "16A", "1D", "J" */
static bool parse_form(const char *text, sl_fits_column *out)
{
    char *rest;
    out->repeat = *text >= '0' && *text <= '9' ? strtoull(text, &rest, 10) : (rest = (char *)(uintptr_t)text, 1u);
    out->type = *rest;
    return out->repeat <= MAX_ROW_BYTES && (*rest == 'X' || element_bytes(*rest) != 0) && rest[1] == '\0';
}

/* The first header: what follows must be the first extension, so its data are stepped over. */
static sl_status skip_primary(sl_fits_table *t, size_t *at, sl_error *err)
{
    static const char simple[] = "SIMPLE  =                    T";
    if (t->n_file < CARD || memcmp(t->file, simple, sizeof simple - 1) != 0) {
        return BROKEN(BAD_TABLE, "does not begin with SIMPLE = T");
    }
    card c;
    uint64_t bits = 0, axes = 0, elements = 1, size;
    size_t cursor = 0;
    sl_status status;
    while ((status = next_card(t->file, t->n_file, 0, &cursor, &c, err)) == SL_OK) {
        if (strcmp(c.key, "BITPIX") == 0) {
            if (!parse_count(c.value + (c.value[0] == '-'), &bits) || bits > 64) return BAD_VALUE(&c);
        } else if (strcmp(c.key, "NAXIS") == 0) {
            if (!parse_count(c.value, &axes) || axes > 999) return BAD_VALUE(&c);
        } else if (strncmp(c.key, "NAXIS", 5) == 0) {
            if (!parse_count(c.value, &size) || size > t->n_file) return BAD_VALUE(&c);
            elements = size != 0 && elements > t->n_file / size ? t->n_file + 1 : elements * size;
        } else if (strcmp(c.key, "GROUPS") == 0 && strcmp(c.value, "T") == 0) {
            return BROKEN(BAD_TABLE, "random groups");
        }
    }
    if (status < 0) return status;
    const uint64_t bytes = axes == 0 ? 0 : elements * (bits / 8);
    if (cursor > t->n_file || bytes > t->n_file - cursor) return BROKEN(TRUNCATED, "the first array is cut off");
    *at = cursor + (size_t)((bytes + SL_FITS_BLOCK - 1) / SL_FITS_BLOCK * SL_FITS_BLOCK);
    return SL_OK;
}

/* What a key of the extension says, where it matters. */
static sl_status read_table_key(sl_fits_table *t, const card *c, sl_error *err)
{
    uint64_t value = 0, index = 0;
    static const struct {
        const char *key;
        uint64_t wanted;
    } fixed[] = {{"BITPIX", 8}, {"NAXIS", 2}, {"PCOUNT", 0}, {"GCOUNT", 1}};
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++) {
        if (strcmp(c->key, fixed[i].key) != 0) continue;
        if (!parse_count(c->value, &value) || value != fixed[i].wanted) {
            return BROKEN(BAD_TABLE, "%s is \"%s\", a plain table has %llu", c->key, c->value, (ull)fixed[i].wanted);
        }
    }
    if (strcmp(c->key, "NAXIS1") == 0) {
        if (!parse_count(c->value, &t->row_bytes) || t->row_bytes > MAX_ROW_BYTES) return BAD_VALUE(c);
    } else if (strcmp(c->key, "NAXIS2") == 0) {
        if (!parse_count(c->value, &t->n_rows) || t->n_rows > INT32_MAX) return BAD_VALUE(c);
    } else if (strcmp(c->key, "TFIELDS") == 0) {
        if (t->columns != NULL || !parse_count(c->value, &value) || value > SL_FITS_MAX_COLUMNS) {
            return BAD_VALUE(c);
        }
        t->n_columns = (uint32_t)value;
        t->columns = calloc(t->n_columns + 1, sizeof *t->columns);
        if (t->columns == NULL) return SL_FAIL_NOMEM(err);
    } else if (strncmp(c->key, "TTYPE", 5) == 0 || strncmp(c->key, "TFORM", 5) == 0) {
        if (!parse_count(c->key + 5, &index) || index < 1 || index > t->n_columns) {
            return BROKEN(BAD_TABLE, "%s of %u columns", c->key, t->n_columns);
        }
        sl_fits_column *column = &t->columns[index - 1];
        if (c->key[1] == 'T') {
            memcpy(column->name, c->value, sizeof column->name);
        } else if (!parse_form(c->value, column)) {
            return BROKEN(BAD_TABLE, "%s \"%s\" is no plain column", c->key, c->value);
        }
    } else if (strncmp(c->key, "TSCAL", 5) == 0 || strncmp(c->key, "TZERO", 5) == 0 ||
               strncmp(c->key, "ZTABLE", 6) == 0) {
        return BROKEN(BAD_TABLE, "scaled or compressed columns (%s)", c->key);
    }
    return SL_OK;
}

static sl_status read_extension(sl_fits_table *t, size_t begin, sl_error *err)
{
    static const char mark[] = "XTENSION= 'BINTABLE'";
    if (begin > t->n_file || t->n_file - begin < CARD) return BROKEN(TRUNCATED, "no table behind the first header");
    if (memcmp(t->file + begin, mark, sizeof mark - 1) != 0) {
        return BROKEN(BAD_TABLE, "the first extension is no binary table");
    }
    card c;
    size_t at = begin;
    sl_status status;
    while ((status = next_card(t->file, t->n_file, begin, &at, &c, err)) == SL_OK) SL_TRY(read_table_key(t, &c, err));
    if (status < 0) return status;
    uint64_t sum = 0;
    for (uint32_t i = 0; i < t->n_columns; i++) {
        if (t->columns[i].type == '\0') return BROKEN(BAD_TABLE, "column %u has no TFORM", i + 1);
        sum += column_bytes(&t->columns[i]);
    }
    if (sum != t->row_bytes) {
        return BROKEN(BAD_TABLE, "the columns fill %llu bytes, a row has %llu", (ull)sum, (ull)t->row_bytes);
    }
    if (t->n_rows * t->row_bytes > 0 && (at > t->n_file || t->n_rows > (t->n_file - at) / t->row_bytes)) {
        return BROKEN(TRUNCATED, "%llu rows of %llu bytes do not fit into the file", (ull)t->n_rows, (ull)t->row_bytes);
    }
    t->data = t->n_rows * t->row_bytes > 0 ? t->file + at : NULL;
    return SL_OK;
}

sl_status sl_fits_table_init(sl_fits_table *t, const void *bytes, size_t n_bytes, sl_error *err)
{
    *t = (sl_fits_table){.file = bytes, .n_file = n_bytes};
    size_t at = 0;
    sl_status status = skip_primary(t, &at, err);
    if (status == SL_OK) status = read_extension(t, at, err);
    if (status != SL_OK) sl_fits_table_release(t);
    return status;
}

void sl_fits_table_release(sl_fits_table *t)
{
    free(t->columns);
    t->columns = NULL;
    t->n_columns = 0;
}

int sl_fits_find(const sl_fits_table *t, const char *name)
{
    for (uint32_t i = 0; i < t->n_columns; i++) {
        if (strcasecmp(t->columns[i].name, name) == 0) return (int)i;
    }
    return -1;
}

bool sl_fits_key(const void *bytes, size_t n_bytes, const char *key, char *out, size_t size)
{
    card c;
    size_t at = 0;
    while (next_card(bytes, n_bytes, 0, &at, &c, NULL) == SL_OK) {
        if (strcasecmp(c.key, key) == 0) return snprintf(out, size, "%s", c.value) < (int)size;
    }
    return false;
}

/* Append one card. */
static char *put(char *at, const char *key, const char *value)
{
    char text[CARD + 1];
    snprintf(text, sizeof text, "%-8.8s= %-70.70s", key, value);
    memcpy(at, text, CARD);
    return at + CARD;
}

static char *put_count(char *at, const char *key, uint64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%20llu", (ull)value);
    return put(at, key, text);
}

static char *put_end(char *begin, char *at)
{
    memcpy(at, "END", 3);
    const size_t used = (size_t)(at - begin) + CARD;
    return begin + (used + SL_FITS_BLOCK - 1) / SL_FITS_BLOCK * SL_FITS_BLOCK;
}

static char *put_columns(char *at, const sl_fits_table *t)
{
    for (uint32_t i = 0; i < t->n_columns; i++) {
        const sl_fits_column *c = &t->columns[i];
        char key[16], value[40];
        snprintf(key, sizeof key, "TTYPE%u", i + 1);
        snprintf(value, sizeof value, "'C%-7u'", i + 1); /* columns are asked for by number */
        at = put(at, key, value);
        snprintf(key, sizeof key, "TFORM%u", i + 1);
        snprintf(value, sizeof value, "'%llu%c%s'", (ull)c->repeat, c->type, "      ");
        at = put(at, key, value);
    }
    return at;
}

sl_status sl_fits_rewrite(const sl_fits_table *t, void **bytes, size_t *n_bytes, sl_error *err)
{
    const size_t cards = 9 + 2 * (size_t)t->n_columns;
    const size_t head = SL_FITS_BLOCK + (cards * CARD + SL_FITS_BLOCK - 1) / SL_FITS_BLOCK * SL_FITS_BLOCK;
    const size_t data = (size_t)(t->n_rows * t->row_bytes);
    const size_t padded = (data + SL_FITS_BLOCK - 1) / SL_FITS_BLOCK * SL_FITS_BLOCK;
    char *file = malloc(head + padded);
    if (file == NULL) return SL_FAIL_NOMEM(err);
    memset(file, ' ', head);
    char *at = put(file, "SIMPLE", "                   T");
    at = put_count(at, "BITPIX", 8);
    at = put_count(at, "NAXIS", 0);
    char *extension = put_end(file, at);
    at = put(extension, "XTENSION", "'BINTABLE'");
    at = put_count(at, "BITPIX", 8);
    at = put_count(at, "NAXIS", 2);
    at = put_count(at, "NAXIS1", t->row_bytes);
    at = put_count(at, "NAXIS2", t->n_rows);
    at = put_count(at, "PCOUNT", 0);
    at = put_count(at, "GCOUNT", 1);
    at = put_count(at, "TFIELDS", t->n_columns);
    at = put_end(extension, put_columns(at, t));
    if (data > 0) memcpy(at, t->data, data);
    memset(at + data, 0, padded - data);
    *bytes = file;
    *n_bytes = head + padded;
    return SL_OK;
}
