/* Which models a command runs: a file, one that the program carries, or all of those. */
#include <string.h>
#include <unistd.h>

#include "commands.h"

bool is_carried(const char *name)
{
    for (size_t i = 0; sl_model_embedded(i) != NULL; i++) {
        if (strcmp(sl_model_embedded(i), name) == 0) return access(name, F_OK) != 0;
    }
    return false;
}

sl_status open_model(const char *name, sl_model **out, sl_error *err)
{
    return is_carried(name) ? sl_model_open_embedded(name, out, err) : sl_model_open(name, out, err);
}

int open_models(const char *command, const char *name, models *out)
{
    *out = (models){.n = 0};
    if (name != NULL) {
        sl_error err;
        if (open_model(name, &out->model[0], &err) < 0) return say_failed(command, NULL, &err);
        out->n = 1;
        return EXIT_WELL;
    }
    const char *carried;
    for (size_t i = 0; out->n < SL_MAX_MODELS && (carried = sl_model_embedded(i)) != NULL; i++) {
        sl_error err;
        if (!sl_model_embedded_unasked(i)) continue;
        if (sl_model_open_embedded(carried, &out->model[out->n], &err) < 0) return say_failed(command, carried, &err);
        out->n++;
    }
    return EXIT_WELL;
}

void close_models(models *m)
{
    for (size_t i = 0; i < m->n; i++) sl_model_close(m->model[i]);
    m->n = 0;
}
