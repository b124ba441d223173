#include "lightcurve/number.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <strings.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/*
 * Clinger's fast path: a mantissa below 2^53 and a power of ten up to 10^22
 * are both exact doubles, so that one multiplication or division rounds
 * correctly. False where the number is not of that kind.
 */
static bool parse_short(const char *text, size_t len, double *out)
{
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    const char *p = text, *end = text + len;
    const bool negative = *p == '-';
    if (*p == '-' || *p == '+') p++;
    uint64_t mantissa = 0;
    int digits = 0, decimals = 0;
    for (bool behind_point = false; p < end; p++) {
        if (*p == '.' && !behind_point) {
            behind_point = true;
        } else if (is_digit(*p) && digits < 18) {
            mantissa = mantissa * 10 + (uint64_t)(*p - '0');
            digits++;
            decimals += behind_point;
        } else {
            break;
        }
    }
    int exponent = 0;
    if (p + 1 < end && (*p == 'e' || *p == 'E')) {
        p++;
        const bool small = *p == '-';
        if (*p == '-' || *p == '+') p++;
        if (p == end || end - p > 3) return false;
        for (; p < end && is_digit(*p); p++) exponent = exponent * 10 + (*p - '0');
        if (small) exponent = -exponent;
    }
    exponent -= decimals;
    if (p != end || digits == 0 || mantissa >> 53 != 0 || exponent < -22 || exponent > 22) return false;
    const double x = exponent < 0 ? (double)mantissa / powers[-exponent] : (double)mantissa * powers[exponent];
    *out = negative ? -x : x;
    return true;
}

static bool is_null(const char *text, size_t len)
{
    static const char *const words[] = {"nan", "null", "none", "na", "n/a"};
    if (len == 0) return true;
    for (size_t i = 0; len <= 4 && i < sizeof words / sizeof words[0]; i++) {
        if (strcasecmp(text, words[i]) == 0) return true;
    }
    return false;
}

bool sl_number_parse(const char *text, size_t len, locale_t c_locale, double *out)
{
    if (len > 0 && parse_short(text, len, out)) return true;
    if (is_null(text, len)) {
        *out = NAN;
        return true;
    }
    /* strtod would also take leading blanks, hexadecimals and "nan(...)". */
    for (size_t i = 0; i < len; i++) {
        const char c = text[i];
        if (!is_digit(c) && c != '+' && c != '-' && c != '.' && c != 'e' && c != 'E') {
            const bool sign = *text == '-' || *text == '+';
            if (strcasecmp(text + sign, "inf") != 0 && strcasecmp(text + sign, "infinity") != 0) return false;
            break;
        }
    }
    char *end;
    *out = strtod_l(text, &end, c_locale);
    return end == text + len;
}
