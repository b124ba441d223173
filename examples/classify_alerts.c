/*
 * Every alert of a packet or an Avro container: its bytes go in, results come back one by one.
 *
 *     classify_alerts MODEL FILE
 *     cc classify_alerts.c -lstarling
 */
#include <stdio.h>
#include <stdlib.h>

#include <starling/starling.h>

typedef struct night {
    const sl_contract *contract;
    unsigned classified, others;
} night;

/* What `result` points to lives until this returns: copy what you keep. */
static sl_status on_result(void *user, const sl_result *result)
{
    night *n = user;
    printf("%.*s %.*s: ", (int)result->object_id.len, result->object_id.ptr, (int)result->alert_id.len,
           result->alert_id.ptr);
    if (result->outcome == SL_CLASSIFIED) {
        n->classified++;
        printf("%s %.3f\n", n->contract->classes[result->best].name, result->p[result->best]);
    } else {
        n->others++;
        printf("%s\n", sl_reason_name(result->reason));
    }
    return SL_OK; /* anything else stops */
}

static unsigned char *read_file(const char *path, size_t *n_bytes)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) return NULL;
    unsigned char *bytes = NULL;
    if (fseek(file, 0, SEEK_END) == 0) {
        const long size = ftell(file);
        rewind(file);
        if (size >= 0 && (bytes = malloc((size_t)size + 1)) != NULL) *n_bytes = fread(bytes, 1, (size_t)size, file);
    }
    fclose(file);
    return bytes;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: %s MODEL FILE\n", argv[0]);
        return 2;
    }
    size_t n_bytes = 0;
    unsigned char *bytes = read_file(argv[2], &n_bytes);
    if (bytes == NULL) {
        perror(argv[2]);
        return 1;
    }
    sl_model *model = NULL;
    sl_classifier *classifier = NULL;
    sl_error err;
    int code = 1;
    if (sl_model_open(argv[1], &model, &err) < 0) goto out;
    if (sl_classifier_new(model, &classifier, &err) < 0) goto out; /* one a thread */
    night n = {.contract = sl_model_contract(model)};
    if (sl_classifier_bytes(classifier, bytes, n_bytes, on_result, &n, &err) < 0) goto out;
    printf("%u classified, %u not\n", n.classified, n.others);
    code = 0;
out:
    if (code != 0) fprintf(stderr, "classify_alerts: %s\n", err.message);
    sl_classifier_free(classifier);
    sl_model_close(model);
    free(bytes);
    return code;
}
