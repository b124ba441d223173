#include "pipeline/text.h"

#include <math.h>
#include <string.h>

void sl_text_put(sl_avro_out *out, const char *text)
{
    sl_avro_put_raw(out, text, strlen(text));
}

void sl_text_put_u64(sl_avro_out *out, uint64_t value)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    sl_avro_put_raw(out, digits + at, sizeof digits - at);
}

enum { EXACT_POWERS = 22 }; /* 10^22 is the last power of ten that a double holds exactly */

/* x * 10^n for |n| <= 66, with at most a few roundings. */
static double scale10(double x, int n)
{
    static const double power[EXACT_POWERS + 1] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                   1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                                   1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    for (; n > EXACT_POWERS; n -= EXACT_POWERS) x *= 1e22;
    for (; n < -EXACT_POWERS; n += EXACT_POWERS) x /= 1e22;
    return n >= 0 ? x * power[n] : x / power[-n];
}

/*
 * value > 0 as m * 10^(e - 8) with nine digits or fewer that matter: the
 * fewest, of six and more, whose decimal reads back as value; what six digits
 * can tell ends in zeros. The margin of 2^-50 covers scale10's roundings and
 * that a reader may go through a double.
 */
static uint64_t shortest_digits(float value, int *exponent)
{
    const double x = value;
    int e = (int)floor(log10(x));
    if (scale10(x, -e) >= 10) e++;
    if (scale10(x, -e) < 1) e--;
    for (int digits = 6;; digits++) {
        const double m = nearbyint(scale10(x, digits - 1 - e));
        const double back = scale10(m, e - digits + 1);
        const double margin = 0x1p-50 * back;
        if (digits == 9 || ((float)(back - margin) == value && (float)(back + margin) == value)) {
            *exponent = e;
            return (uint64_t)scale10(m, 9 - digits);
        }
    }
}

/* "0.000123": fixed notation of n digits, the first of them worth 10^e, -5 < e < 9. */
static size_t print_fixed(char *text, const char *digits, int n, int e)
{
    size_t at = 0;
    if (e < 0) {
        text[at++] = '0';
        text[at++] = '.';
        for (int i = -1; i > e; i--) text[at++] = '0';
        memcpy(text + at, digits, (size_t)n);
        return at + (size_t)n;
    }
    for (int i = 0; i < n || i <= e; i++) {
        if (i == e + 1) text[at++] = '.';
        text[at++] = i < n ? digits[i] : '0';
    }
    return at;
}

/* "1.23e-07" */
static size_t print_scientific(char *text, const char *digits, int n, int e)
{
    size_t at = 0;
    text[at++] = digits[0];
    if (n > 1) {
        text[at++] = '.';
        memcpy(text + at, digits + 1, (size_t)n - 1);
        at += (size_t)n - 1;
    }
    text[at++] = 'e';
    text[at++] = e < 0 ? '-' : '+';
    const int size = e < 0 ? -e : e;
    text[at++] = (char)('0' + size / 10);
    text[at++] = (char)('0' + size % 10);
    return at;
}

void sl_text_put_float(sl_avro_out *out, float value)
{
    char text[32];
    size_t at = 0;
    if (value < 0) text[at++] = '-';
    value = fabsf(value);
    if (value == 0) {
        text[at++] = '0';
        sl_avro_put_raw(out, text, at);
        return;
    }
    int e;
    uint64_t m = shortest_digits(value, &e);
    if (m >= 1000000000) { /* 9.999999 rounded up */
        m /= 10;
        e++;
    }
    int n = 9;
    while (m % 10 == 0) {
        m /= 10;
        n--;
    }
    char digits[9] = {0};
    for (int i = n - 1; i >= 0; i--) {
        digits[i] = (char)('0' + m % 10);
        m /= 10;
    }
    at += e > -5 && e < 9 ? print_fixed(text + at, digits, n, e) : print_scientific(text + at, digits, n, e);
    sl_avro_put_raw(out, text, at);
}

/* Bytes of the valid UTF-8 character at p, or 0: no stray byte, overlong form, surrogate or cut end. */
static size_t utf8_length(const unsigned char *p, size_t left)
{
    if (p[0] < 0x80) return 1;
    const size_t n = p[0] >= 0xc2 && p[0] < 0xe0 ? 2 : p[0] >= 0xe0 && p[0] < 0xf0 ? 3 : p[0] >= 0xf0 && p[0] < 0xf5 ? 4 : 0;
    if (n == 0 || n > left) return 0;
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80) return 0;
    }
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] >= 0xa0)) return 0;
    if ((p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] >= 0x90)) return 0;
    return n;
}

/* Put text, except where `escape` has something else to put for a character; runs go out at once. */
static void put_escaped(sl_avro_out *out, sl_str text, void (*escape)(sl_avro_out *out, unsigned char c),
                        bool (*plain)(unsigned char c))
{
    if (text.len == 0) return;
    const unsigned char *p = (const unsigned char *)text.ptr;
    size_t from = 0, at = 0;
    while (at < text.len) {
        const size_t n = utf8_length(p + at, text.len - at);
        if (n > 1 || (n == 1 && plain(p[at]))) {
            at += n;
            continue;
        }
        sl_avro_put_raw(out, p + from, at - from);
        if (n == 0) {
            sl_text_put(out, "\xef\xbf\xbd");
        } else {
            escape(out, p[at]);
        }
        from = ++at;
    }
    sl_avro_put_raw(out, p + from, at - from);
}

static bool plain_in_json(unsigned char c)
{
    return c >= 0x20 && c != '"' && c != '\\' && c != 0x7f;
}

static void escape_json(sl_avro_out *out, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    if (c == '"' || c == '\\') {
        sl_avro_put_raw(out, (const char[]){'\\', (char)c}, 2);
    } else {
        sl_avro_put_raw(out, (const char[]){'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]}, 6);
    }
}

void sl_text_put_json(sl_avro_out *out, sl_str text)
{
    sl_text_put(out, "\"");
    put_escaped(out, text, escape_json, plain_in_json);
    sl_text_put(out, "\"");
}

void sl_text_put_json_or_null(sl_avro_out *out, sl_str text)
{
    if (text.len == 0) {
        sl_text_put(out, "null");
    } else {
        sl_text_put_json(out, text);
    }
}

static bool plain_in_csv(unsigned char c)
{
    return c != '\0' && c != '"';
}

static void escape_csv(sl_avro_out *out, unsigned char c)
{
    sl_text_put(out, c == '"' ? "\"\"" : "\xef\xbf\xbd");
}

void sl_text_put_csv(sl_avro_out *out, sl_str text)
{
    bool quoted = false;
    for (size_t i = 0; i < text.len && !quoted; i++) {
        const char c = text.ptr[i];
        quoted = c == ',' || c == '"' || c == '\n' || c == '\r' || (c == ' ' && (i == 0 || i + 1 == text.len));
    }
    if (quoted) sl_text_put(out, "\"");
    put_escaped(out, text, escape_csv, plain_in_csv);
    if (quoted) sl_text_put(out, "\"");
}
