/* base/hash.h - a name as a number. */
#ifndef SL_BASE_HASH_H
#define SL_BASE_HASH_H

#include "starling/base.h"

/* FNV-1a over the bytes, then the mixer of splitmix64, for the low bits. */
static inline uint64_t sl_hash(sl_str name)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < name.len; i++) h = (h ^ (unsigned char)name.ptr[i]) * 0x100000001b3u;
    h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9u;
    h = (h ^ (h >> 27)) * 0x94d049bb133111ebu;
    return h ^ (h >> 31);
}

#endif
