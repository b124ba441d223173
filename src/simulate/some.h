/* simulate/some.h - values that may be null, for the records made from the schemas. */
#ifndef SL_SIMULATE_SOME_H
#define SL_SIMULATE_SOME_H

#include "alert/avro_write.h"

#define SL_DEFINE_SOME(name, type)                        \
    typedef struct sl_some_##name {                       \
        bool is_set;                                      \
        type value;                                       \
    } sl_some_##name;                                     \
    static inline sl_some_##name some_##name(type value)  \
    {                                                     \
        return (sl_some_##name){true, value};             \
    }

SL_DEFINE_SOME(boolean, bool)
SL_DEFINE_SOME(int, int32_t)
SL_DEFINE_SOME(long, int64_t)
SL_DEFINE_SOME(float, float)
SL_DEFINE_SOME(double, double)
SL_DEFINE_SOME(string, const char *)
SL_DEFINE_SOME(bytes, sl_str)

#undef SL_DEFINE_SOME

#endif
