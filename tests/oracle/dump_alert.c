/* dump_alert.c - decode alert files and print each record as a line of JSON,
 * for test_alert.py: dump_alert [--schemas DIR] FILE... Floats are printed so that they read back
 * to the same bits; NaN and infinity as the texts "nan", "inf", "-inf". */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "starling/alert.h"

static void print_text(const char *name, sl_str text)
{
    printf("\"%s\": \"", name);
    for (size_t i = 0; i < text.len; i++) {
        const unsigned char c = (unsigned char)text.ptr[i];
        if (c < 0x20 || c == '"' || c == '\\') {
            printf("\\u%04x", c);
        } else {
            putchar(c);
        }
    }
    printf("\", ");
}

static void print_number(double value)
{
    if (isnan(value)) {
        printf("\"nan\"");
    } else if (isinf(value)) {
        printf(value > 0 ? "\"inf\"" : "\"-inf\"");
    } else {
        printf("%.17g", value);
    }
}

static void print_point(const sl_point *p)
{
    const double numbers[] = {p->time, p->value, p->error, p->zero_point, p->limit_mag, p->exposure_s};
    printf("[");
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        print_number(numbers[i]);
        printf(", ");
    }
    printf("\"%c\", %d, %d, %d, %d]", p->band, p->kind, p->unit, p->flags, p->sign);
}

static sl_status print_record(void *user, sl_status status, const sl_alert *alert, size_t n, const sl_error *err)
{
    (void)user;
    if (status != SL_OK) {
        printf("{\"n\": %zu, \"reason\": \"%s\"}\n", n, sl_reason_name(err->reason));
        return SL_OK;
    }
    printf("{\"survey\": %d, ", (int)alert->survey);
    print_text("alert_id", alert->alert_id);
    print_text("object_id", alert->object_id);
    print_text("schema_version", alert->schema_version);
    printf("\"alert_number\": %lld, \"source_number\": %lld, \"publish_time_ms\": %lld, \"time_is_jd\": %s, ",
           (long long)alert->alert_number, (long long)alert->source_number, (long long)alert->publish_time_ms,
           alert->time_is_jd ? "true" : "false");
    printf("\"redshift\": ");
    print_number((double)alert->redshift);
    printf(", \"redshift_error\": ");
    print_number((double)alert->redshift_error);
    printf(", \"points\": [");
    for (size_t i = 0; i < alert->n_points; i++) {
        if (i > 0) printf(", ");
        print_point(&alert->points[i]);
    }
    printf("]}\n");
    return SL_OK;
}

static int dump(sl_alert_decoder *decoder, const char *path)
{
    sl_error err;
    sl_file file;
    if (sl_file_open(&file, path, (size_t)1 << 31, &err) != SL_OK) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    printf("# %s\n", path);
    const sl_status status = sl_alert_decode(decoder, file.bytes, file.n_bytes, print_record, NULL, &err);
    if (status != SL_OK) fprintf(stderr, "%s: %s\n", path, err.message);
    sl_file_close(&file);
    return status != SL_OK;
}

int main(int argc, char **argv)
{
    sl_alert_decoder *decoder;
    sl_error err;
    int first = 1, failed = 0;
    if (sl_alert_decoder_new(&decoder, &err) != SL_OK) return 1;
    if (argc > 2 && strcmp(argv[1], "--schemas") == 0) {
        first = 3;
        if (sl_alert_decoder_load_schemas(decoder, argv[2], &err) != SL_OK) {
            fprintf(stderr, "%s\n", err.message);
            sl_alert_decoder_free(decoder);
            return 1;
        }
    }
    for (int i = first; i < argc && !failed; i++) failed = dump(decoder, argv[i]);
    sl_alert_decoder_free(decoder);
    return failed;
}
