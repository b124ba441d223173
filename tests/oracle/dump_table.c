/* Prints the light curves of a CSV file or of a HEAD/PHOT pair, for test_lightcurve.py:
 *   dump_table csv FILE | dump_table snana HEAD PHOT
 * A line "O status id redshift error n" an object, then a line a point. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "lightcurve/csv.h"
#include "lightcurve/snana.h"

static void print_alert(const sl_alert *alert, sl_status status, const sl_error *err)
{
    printf("O %s %.*s %.9g %.9g %zu", sl_status_name(status), (int)alert->object_id.len, alert->object_id.ptr,
           (double)alert->redshift, (double)alert->redshift_error, alert->n_points);
    printf(status == SL_OK ? "\n" : " %s\n", err->message);
    for (size_t i = 0; i < alert->n_points; i++) {
        const sl_point *p = &alert->points[i];
        printf("%.17g %.17g %.17g %c %d %d %.9g %.9g\n", p->time, p->value, p->error, p->band, p->kind, p->flags,
               p->zero_point, (double)p->limit_mag);
    }
}

static int dump(sl_csv_reader *csv, sl_snana_reader *snana)
{
    sl_arena arena;
    sl_alert alert;
    sl_error err;
    sl_status status;
    sl_arena_init(&arena, (size_t)64 << 20);
    do {
        status = csv != NULL ? sl_csv_next(csv, &arena, &alert, &err) : sl_snana_next(snana, &arena, &alert, &err);
        if (status != SL_DONE) print_alert(&alert, status, &err);
        sl_arena_reset(&arena);
    } while (status == SL_OK || status == SL_ERR_FORMAT);
    sl_arena_release(&arena);
    return status == SL_DONE ? 0 : 1;
}

int main(int argc, char **argv)
{
    sl_file a = {0}, b = {0};
    sl_error err = {.message = "usage: dump_table csv FILE | snana HEAD PHOT"};
    sl_csv_reader *csv = NULL;
    sl_snana_reader *snana = NULL;
    sl_stream stream;
    int result = 2;
    const size_t limit = (size_t)1 << 32;
    if (argc == 3 && strcmp(argv[1], "csv") == 0 && sl_file_open(&a, argv[2], limit, &err) == SL_OK) {
        sl_stream_init_memory(&stream, a.bytes, a.n_bytes);
        if (sl_csv_open(&stream, &csv, &err) == SL_OK) result = dump(csv, NULL);
    } else if (argc == 4 && strcmp(argv[1], "snana") == 0 && sl_file_open(&a, argv[2], limit, &err) == SL_OK &&
               sl_file_open(&b, argv[3], limit, &err) == SL_OK) {
        if (sl_snana_open(a.bytes, a.n_bytes, b.bytes, b.n_bytes, &snana, &err) == SL_OK) result = dump(NULL, snana);
    }
    if (result == 2) fprintf(stderr, "%s\n", err.message);
    sl_csv_close(csv);
    sl_snana_close(snana);
    sl_file_close(&a);
    sl_file_close(&b);
    return result;
}
