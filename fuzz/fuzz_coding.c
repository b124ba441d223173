/* Any bytes as a matrix of few values: six bytes say which (see coding_case.h), then come the coder's stream and the bits. */
#include <stdlib.h>

#include "coding_case.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < CODING_HEAD) return 0;
    const int code = data[0] % 3;
    const size_t each = data[0] & 4 ? 4 : 1;
    const sl_sparse s = {data[1], data[2] + 256u * (data[3] & 3), data[4]};
    const size_t rest = size - CODING_HEAD, n_stream = data[5] < rest ? rest - data[5] : 0;
    /* of the exact sizes, so that a sanitizer sees the byte behind the end */
    const size_t n = (size_t)s.rows * s.columns;
    uint8_t *stream = malloc(n_stream + (n_stream == 0)), *bits = malloc(rest - n_stream + (rest == n_stream));
    void *of = calloc(s.n_values + 1u, each), *to = calloc(n + (n == 0), each);
    if (stream == NULL || bits == NULL || of == NULL || to == NULL) abort();
    for (size_t i = 0; i < n_stream; i++) stream[i] = data[CODING_HEAD + i];
    for (size_t i = n_stream; i < rest; i++) bits[i - n_stream] = data[CODING_HEAD + i];
    sl_error err = {0};
    sl_arena arena;
    sl_arena_init(&arena, 1 << 20);
    sl_coder c;
    sl_bits b = {.bytes = bits, .n_bytes = rest - n_stream};
    sl_coder_read(&c, stream, n_stream);
    const sl_status status = coding_read(code, &c, &b, &s, &(sl_sparse_to){to, of, each}, &arena, &err);
    if (status != SL_OK && status != SL_ERR_FORMAT) abort();
    (void)sl_coder_finish(&c);
    sl_arena_release(&arena);
    free(stream);
    free(bits);
    free(of);
    free(to);
    return 0;
}
