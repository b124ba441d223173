/* make_night N FILE: a container of N simulated alerts, small ones. */
#include <stdio.h>
#include <stdlib.h>

#include "starling/simulate.h"

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: %s N FILE\n", argv[0]);
        return 2;
    }
    FILE *out = fopen(argv[2], "wb");
    if (out == NULL) {
        perror(argv[2]);
        return 1;
    }
    sl_simulate_options options;
    sl_simulate_defaults(&options);
    options.n_alerts = strtoull(argv[1], NULL, 10);
    options.form = SL_SIMULATE_CONTAINER;
    options.cutouts = false;
    sl_error err;
    const sl_status status = sl_simulate_write(&options, out, &err);
    if (status != SL_OK) fprintf(stderr, "make_night: %s\n", err.message);
    return fclose(out) == 0 && status == SL_OK ? 0 : 1;
}
