/* simulate/ustar.h - a tar archive, written entry by entry. */
#ifndef SL_SIMULATE_USTAR_H
#define SL_SIMULATE_USTAR_H

#include <stdio.h>

#include "starling/base.h"

enum { SL_USTAR_BLOCK = 512 };

/* One file: header, bytes, padding. The name has at most 99 characters. False
   where out took no more. */
bool sl_ustar_put(FILE *out, const char *name, const void *bytes, size_t n_bytes);
/* The two empty blocks that close an archive. */
bool sl_ustar_end(FILE *out);
/* Bytes that an entry takes. */
size_t sl_ustar_size(size_t n_bytes);

#endif
