#include "model/embedded.h"

#include <string.h>

#include "base/error.h"
#include "starling/model.h"

const char *sl_model_embedded(size_t index)
{
    for (size_t i = 0; sl_embedded_models[i].name != NULL; i++) {
        if (i == index) return sl_embedded_models[i].name;
    }
    return NULL;
}

bool sl_model_embedded_unasked(size_t index)
{
    return sl_model_embedded(index) != NULL && !sl_embedded_models[index].by_name;
}

sl_status sl_model_open_embedded(const char *name, sl_model **out, sl_error *err)
{
    SL_REQUIRE(name != NULL && out != NULL, err);
    for (const sl_embedded_model *m = sl_embedded_models; m->name != NULL; m++) {
        if (strcmp(m->name, name) == 0) return sl_model_open_memory(m->bytes, m->n_bytes, out, err);
    }
    return SL_FAIL(err, SL_ERR_INVAL, SL_REASON_NONE, "there is no embedded model \"%s\"", name);
}
