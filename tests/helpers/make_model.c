/* make_model CONTRACT FILE: write the random model, for tests and benches that run programs. */
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "random_model.h"

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: %s CONTRACT FILE\n", argv[0]);
        return 2;
    }
    void *bytes = NULL;
    size_t n_bytes = 0;
    sl_error err;
    sl_status status = random_model(argv[1], &bytes, &n_bytes, &err);
    if (status == SL_OK) status = sl_file_write(argv[2], bytes, n_bytes, &err);
    free(bytes);
    if (status == SL_OK) return 0;
    fprintf(stderr, "make_model: %s\n", err.message);
    return 1;
}
