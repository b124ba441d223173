/* Headers by hand: forty lines here, against a dependency that only reading has use for. */
#include "simulate/ustar.h"

#include <string.h>

/* POSIX 1003.1 "ustar interchange format"; numbers are octal text. */
typedef struct ustar_header {
    char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, link[100];
    char magic[6], version[2], user[32], group[32], major[8], minor[8], prefix[155], pad[12];
} ustar_header;

_Static_assert(sizeof(ustar_header) == SL_USTAR_BLOCK, "a tar header is one block");

static bool put(FILE *out, const void *bytes, size_t n)
{
    return n == 0 || fwrite(bytes, 1, n, out) == n;
}

size_t sl_ustar_size(size_t n_bytes)
{
    return SL_USTAR_BLOCK + (n_bytes + SL_USTAR_BLOCK - 1) / SL_USTAR_BLOCK * SL_USTAR_BLOCK;
}

bool sl_ustar_put(FILE *out, const char *name, const void *bytes, size_t n_bytes)
{
    static const char zeros[SL_USTAR_BLOCK];
    ustar_header h = {.mode = "0000644", .uid = "0000000", .gid = "0000000", .mtime = "00000000000",
                      .checksum = {' ', ' ', ' ', ' ', ' ', ' ', ' ', ' '}, .type = '0', .magic = "ustar",
                      .version = {'0', '0'}};
    snprintf(h.name, sizeof h.name, "%s", name);
    snprintf(h.size, sizeof h.size, "%011zo", n_bytes);
    unsigned sum = 0;
    for (size_t k = 0; k < sizeof h; k++) sum += ((const unsigned char *)&h)[k];
    snprintf(h.checksum, sizeof h.checksum, "%06o", sum);
    return put(out, &h, sizeof h) && put(out, bytes, n_bytes) &&
           put(out, zeros, sl_ustar_size(n_bytes) - sizeof h - n_bytes);
}

bool sl_ustar_end(FILE *out)
{
    static const char zeros[2 * SL_USTAR_BLOCK];
    return put(out, zeros, sizeof zeros);
}
