/*
 * pipeline/text.h - numbers and names as text, into a growing buffer.
 *
 * The locale has no say here, and the same value is always the same text.
 */
#ifndef SL_PIPELINE_TEXT_H
#define SL_PIPELINE_TEXT_H

#include "alert/avro_write.h"
#include "starling/base.h"

/* A literal or another terminated text. */
void sl_text_put(sl_avro_out *out, const char *text);
void sl_text_put_u64(sl_avro_out *out, uint64_t value);
/* The shortest decimal that reads back as the same float, of six digits or more for those below 1e-38, and
   a digit longer where it would lie exactly between two floats (above 1e7). Finite values only. */
void sl_text_put_float(sl_avro_out *out, float value);
/* A JSON string with its quotes. What is no valid UTF-8 becomes U+FFFD. */
void sl_text_put_json(sl_avro_out *out, sl_str text);
/* The same, or null where it is empty. */
void sl_text_put_json_or_null(sl_avro_out *out, sl_str text);
/* A CSV cell, quoted where RFC 4180 wants it. Invalid UTF-8 and NUL become U+FFFD. */
void sl_text_put_csv(sl_avro_out *out, sl_str text);

static inline sl_str sl_text_of(const char *text)
{
    size_t n = 0;
    while (text[n] != '\0') n++;
    return (sl_str){text, n};
}

#endif
