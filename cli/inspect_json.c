/* What inspect found, for programs. */
#include <inttypes.h>

#include "inspect.h"
#include "json.h"

static void put_number(FILE *to, const char *name, double x)
{
    json_number(to, ", ", name, x, JSON_ALL_DIGITS);
}

static void put_flag(FILE *to, const char *name, bool flag)
{
    fprintf(to, ", \"%s\": %s", name, flag ? "true" : "false");
}

static void put_bands(FILE *to, const sl_contract *c)
{
    fprintf(to, ", \"bands\": [");
    for (uint32_t b = 0; b < c->n_bands; b++) {
        json_text(to, b > 0 ? ", {" : "{", "name", c->bands[b].name);
        put_number(to, "wavelength_aa", c->bands[b].wavelength_aa);
        fputc('}', to);
    }
    fprintf(to, "], \"channels\": %u, \"channel_rule\": \"%s\"", c->n_channels,
            c->channel_rule == SL_CHANNELS_FIXED ? "fixed" : "present");
}

static void put_points(FILE *to, const sl_contract *c)
{
    put_number(to, "zero_point", c->zero_point);
    fprintf(to, ", \"time_order\": \"%s\", \"exposure_moment\": \"%s\", \"time_scale\": \"%s\"",
            time_order_name(c->time_order), c->exposure_moment == SL_EXPOSURE_MIDDLE ? "middle" : "as_given",
            c->time_scale == SL_SCALE_TAI ? "tai" : "as_given");
    put_flag(to, "detections", (c->use & SL_USE_DETECTIONS) != 0);
    put_flag(to, "forced", (c->use & SL_USE_FORCED) != 0);
    put_flag(to, "one_per_visit", c->one_per_visit);
    put_flag(to, "signed_flux", c->signed_flux);
    put_flag(to, "drop_bad", c->drop_bad);
    put_number(to, "window_before_day", c->window_before_day);
    put_number(to, "window_after_day", c->window_after_day);
    fprintf(to, ", \"min_points\": %u, \"max_points\": %u, \"min_bands\": %u", c->min_points, c->max_points,
            c->min_bands);
}

static void put_process(FILE *to, const sl_contract *c)
{
    const sl_gp_rules *g = &c->gp;
    fprintf(to, ", \"gp\": {\"grid_length\": %u", g->grid_length);
    put_number(to, "amplitude_factor", g->amplitude_factor);
    put_number(to, "wavelength_scale_aa", g->wavelength_scale_aa);
    put_number(to, "jitter", g->jitter);
    put_number(to, "amplitude_halfwidth", g->amplitude_halfwidth);
    put_number(to, "metric_start", g->metric_start);
    put_number(to, "metric_min", g->metric_min);
    put_number(to, "metric_max", g->metric_max);
    put_number(to, "tolerance", g->tolerance);
    fprintf(to, "}, \"scaling\": \"%s\", \"extras\": [", scaling_name(c->scaling));
    for (uint32_t i = 0; i < c->n_extras; i++) {
        fprintf(to, "%s\"%s\"", i > 0 ? ", " : "", extra_name(c->extras[i]));
    }
    static const char *const modes[] = {"none", "channels", "steps"};
    fprintf(to, "], \"extra_mode\": \"%s\"", modes[c->extra_mode]);
}

static void put_seen(FILE *to, const sl_contract *c)
{
    static const char *const sees[] = {"grid", "nights", "features"};
    fprintf(to, ", \"sees\": \"%s\", \"max_nights\": %u, \"grid_wavelengths\": %u",
            sees[c->sees], c->max_nights, c->grid_wavelengths);
    put_flag(to, "asinh_plane", (c->planes & SL_PLANE_ASINH) != 0);
    put_flag(to, "error_plane", (c->planes & SL_PLANE_ERROR) != 0);
    put_number(to, "asinh_scale", (double)c->asinh_scale);
    fprintf(to, ", \"features\": [");
    for (uint32_t i = 0; i < c->n_features; i++) {
        fprintf(to, "%s\"%s\"", i > 0 ? ", " : "", sl_feature_name(c->features[i]));
    }
    fprintf(to, "], \"feature_bands\": [");
    for (uint32_t i = 0; i < c->n_features; i++) {
        const bool of_bands = sl_feature_of_bands(c->features[i]);
        fprintf(to, "%s%u", i > 0 ? ", " : "", of_bands ? sl_contract_feature_bands(c, i) : 0);
    }
    fprintf(to, "], \"feature_values\": %u, \"feature_knots\": %u", sl_contract_input_features(c), c->feature_knots);
}

static void put_contract(FILE *to, const sl_contract *c)
{
    json_text(to, ", \"contract\": {", "name", c->name);
    put_bands(to, c);
    put_points(to, c);
    put_process(to, c);
    put_seen(to, c);
    fprintf(to, ", \"classes\": [");
    for (uint32_t k = 0; k < c->n_classes; k++) {
        json_text(to, k > 0 ? ", {" : "{", "name", c->classes[k].name);
        fprintf(to, ", \"plasticc_id\": %" PRId32 ", \"elasticc_id\": %" PRId32 "}", c->classes[k].plasticc_id,
                c->classes[k].elasticc_id);
    }
    json_text(to, "], ", "source", c->source);
    json_text(to, ", ", "created_by", c->created_by);
    fputc('}', to);
}

static void put_tensors(FILE *to, const sl_model *model, size_t n_tensors)
{
    fprintf(to, ", \"tensors\": [");
    for (size_t i = 0; i < n_tensors; i++) {
        sl_tensor_info t;
        if (sl_model_tensor(model, i, &t, NULL) < 0) break;
        fprintf(to, "%s{\"layer\": %zu, \"parameters\": %zu, \"zeros\": %zu, \"values\": %u", i > 0 ? ", " : "", t.layer, t.n_weights,
                t.n_zeros, t.n_values);
        json_text(to, ", ", "shape", t.shape);
        json_text(to, ", ", "storage", t.storage);
        json_text(to, ", ", "coding", t.coding);
        put_number(to, "bytes", t.n_bytes);
        fputc('}', to);
    }
    fputc(']', to);
}

void tell_model_json(FILE *to, const char *path, const sl_model *model)
{
    sl_model_info info;
    sl_model_describe(model, &info);
    json_text(to, "{", "path", path);
    fprintf(to, ", \"kind\": \"model\"");
    json_text(to, ", ", "model", sl_model_id(model));
    fprintf(to, ", \"format_version\": %" PRIu32 ", \"bytes\": %zu, \"parameters\": %zu", info.format_version,
            info.file_bytes, info.n_parameters);
    put_number(to, "flop", info.flop);
    put_number(to, "temperature", (double)info.temperature);
    json_text(to, ", ", "novelty", sl_novelty_name(info.novelty));
    put_contract(to, sl_model_contract(model));
    fprintf(to, ", \"layers\": [");
    for (size_t i = 0; i < info.n_layers; i++) {
        sl_layer_info layer;
        if (sl_model_layer(model, i, &layer, NULL) < 0) break;
        json_text(to, i > 0 ? ", {" : "{", "kind", layer.kind);
        json_text(to, ", ", "shape", layer.shape);
        fprintf(to, ", \"parameters\": %zu, \"bytes\": %zu", layer.n_parameters, layer.n_bytes);
        json_text(to, ", ", "storage", layer.storage);
        put_number(to, "flop", layer.flop);
        fputc('}', to);
    }
    fputc(']', to);
    put_flag(to, "packed", info.packed);
    put_tensors(to, model, info.n_tensors);
    fprintf(to, "}\n");
}

static void put_tally(FILE *to, const char *name, const tally *t)
{
    fprintf(to, ", \"%s\": {", name);
    for (size_t i = 0; i < t->n; i++) {
        fputs(i > 0 ? ", " : "", to);
        json_put_string(to, t->name[i]);
        fprintf(to, ": %" PRIu64, t->count[i]);
    }
    if (t->others > 0) fprintf(to, "%s\"others\": %" PRIu64, t->n > 0 ? ", " : "", t->others);
    fputc('}', to);
}

static void put_reasons(FILE *to, const night *n)
{
    const char *between = "";
    fprintf(to, ", \"undecodable\": {");
    for (int r = 0; r < SL_N_REASONS; r++) {
        if (n->by_reason[r] == 0) continue;
        fprintf(to, "%s\"%s\": %" PRIu64, between, sl_reason_name(r), n->by_reason[r]);
        between = ", ";
    }
    fputc('}', to);
}

void tell_night_json(FILE *to, const night *n)
{
    fprintf(to, "{\"kind\": \"alerts\", \"records\": %" PRIu64 ", \"decoded\": %" PRIu64, n->read, n->decoded);
    put_reasons(to, n);
    put_tally(to, "surveys", &n->surveys);
    put_tally(to, "inputs", &n->inputs);
    put_tally(to, "schemas", &n->schemas);
    put_tally(to, "bands", &n->bands);
    fprintf(to,
            ", \"points\": {\"detections\": %" PRIu64 ", \"upper_limits\": %" PRIu64 ", \"forced\": %" PRIu64
            ", \"fewest\": %" PRIu64 ", \"most\": %" PRIu64 "}, \"with_redshift\": %" PRIu64,
            n->points[SL_POINT_DETECTION], n->points[SL_POINT_LIMIT], n->points[SL_POINT_FORCED], n->fewest, n->most,
            n->with_redshift);
    put_number(to, "first_mjd", n->first);
    put_number(to, "last_mjd", n->last);
    fprintf(to, "}\n");
}
