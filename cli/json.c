#include "json.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

int json_character_bytes(const unsigned char *c)
{
    const int n = c[0] < 0x80 ? 1 : c[0] >= 0xc2 && c[0] < 0xe0 ? 2 : (c[0] & 0xf0) == 0xe0 ? 3 : c[0] < 0xf5 ? 4 : 0;
    if (c[0] >= 0x80 && c[0] < 0xc2) return 0;
    for (int i = 1; i < n; i++) {
        if ((c[i] & 0xc0) != 0x80) return 0;
    }
    const bool overlong = (c[0] == 0xe0 && c[1] < 0xa0) || (c[0] == 0xf0 && c[1] < 0x90);
    const bool no_character = (c[0] == 0xed && c[1] >= 0xa0) || (c[0] == 0xf4 && c[1] >= 0x90);
    return overlong || no_character ? 0 : n;
}

void json_put_string(FILE *to, const char *text)
{
    fputc('"', to);
    for (const unsigned char *c = (const unsigned char *)text; *c != '\0';) {
        const int n = json_character_bytes(c);
        if (*c == '"' || *c == '\\') {
            fprintf(to, "\\%c", *c);
        } else if (*c < 0x20 || *c == 0x7f) {
            fprintf(to, "\\u%04x", *c);
        } else if (n == 0) {
            fputs("\\ufffd", to);
        } else {
            fwrite(c, 1, (size_t)n, to);
        }
        c += n > 0 ? n : 1;
    }
    fputc('"', to);
}

void json_text(FILE *to, const char *before, const char *name, const char *text)
{
    fprintf(to, "%s\"%s\": ", before, name);
    json_put_string(to, text);
}

void json_number(FILE *to, const char *before, const char *name, double x, int most_digits)
{
    char digits[32] = "null";
    for (int n = most_digits < 15 ? most_digits : 15; isfinite(x) && n <= most_digits; n++) {
        snprintf(digits, sizeof digits, "%.*g", n, x);
        if (strtod(digits, NULL) == x) break;
    }
    fprintf(to, "%s\"%s\": %s", before, name, digits);
}
