/* lightcurve/number.h - text to double, rounded correctly, whatever the program's locale. */
#ifndef SL_LIGHTCURVE_NUMBER_H
#define SL_LIGHTCURVE_NUMBER_H

#include <locale.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * The whole of text[0..len), which a NUL must follow, as a decimal number.
 * Empty, "nan", "null", "none", "na" and "n/a" in any case are NaN. False for
 * anything else that is no number. c_locale: of newlocale(LC_ALL_MASK, "C", 0).
 */
bool sl_number_parse(const char *text, size_t len, locale_t c_locale, double *out);

#endif
