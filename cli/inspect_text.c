/* What inspect found, for people. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "commands.h"
#include "inspect.h"
#include "plot.h"

static const char *point_kinds(const sl_contract *c)
{
    switch (c->use) {
    case SL_USE_DETECTIONS: return "detections";
    case SL_USE_FORCED: return "forced photometry";
    default: return "detections and forced photometry";
    }
}

const char *time_order_name(sl_time_order order)
{
    return order == SL_TIME_FORWARD ? "forward" : "reversed";
}

const char *scaling_name(sl_scaling scaling)
{
    switch (scaling) {
    case SL_SCALING_NONE: return "none";
    case SL_SCALING_MEDIAN_IQR: return "median_iqr";
    case SL_SCALING_FIXED: return "fixed";
    case SL_SCALING_PEAK: return "peak";
    }
    return "?";
}

const char *extra_name(sl_extra extra)
{
    return extra == SL_EXTRA_REDSHIFT ? "redshift" : "redshift_error";
}

static void print_bands(FILE *to, const sl_contract *c)
{
    fprintf(to, "  bands       ");
    for (uint32_t b = 0; b < c->n_bands; b++) {
        fprintf(to, "%s%s (%.0f A)", b > 0 ? ", " : "", c->bands[b].name, c->bands[b].wavelength_aa);
    }
    fprintf(to, "; %s\n", c->channel_rule == SL_CHANNELS_FIXED ? "a missing one is filled in"
                                                               : "exactly as many as there are channels");
}

static void print_points(FILE *to, const sl_contract *c)
{
    fprintf(to, "  points      %s; %u to %u of them, %u band%s at least", point_kinds(c), c->min_points, c->max_points,
            c->min_bands, c->min_bands == 1 ? "" : "s");
    if (c->one_per_visit) fprintf(to, ", one a visit");
    if (c->drop_bad) fprintf(to, ", bad ones dropped");
    if (c->window_before_day >= 0) fprintf(to, ", from %g days before the first detection", c->window_before_day);
    if (c->window_after_day >= 0) fprintf(to, ", to %g days after the last", c->window_after_day);
    fprintf(to, "\n  flux        zero point %g mag, %s\n", c->zero_point,
            c->signed_flux ? "with the sign of the difference" : "the sign of the difference ignored");
    fprintf(to, "  time        %s, %s, %s\n", time_order_name(c->time_order),
            c->exposure_moment == SL_EXPOSURE_MIDDLE ? "middle of the exposure" : "as the survey gives it",
            c->time_scale == SL_SCALE_TAI ? "TAI" : "time scale as given");
}

static void print_grid(FILE *to, const sl_contract *c)
{
    const sl_gp_rules *g = &c->gp;
    fprintf(to, "  process     Matern-3/2, %g A in wavelength, ln(scale^2) %g in [%g, %g]\n", g->wavelength_scale_aa,
            g->metric_start, g->metric_min, g->metric_max);
    if (c->sees == SL_SEES_FEATURES) return;
    if (c->grid_wavelengths > 0) {
        fprintf(to, "  grid        %u steps x %u regular wavelengths, scaling %s", g->grid_length, c->grid_wavelengths,
                scaling_name(c->scaling));
    } else {
        fprintf(to, "  grid        %u steps x %u channels, scaling %s", g->grid_length, c->n_channels,
                scaling_name(c->scaling));
    }
    if (c->planes & SL_PLANE_ASINH) fprintf(to, "; asinh of the mean / %g", (double)c->asinh_scale);
    if (c->planes & SL_PLANE_ERROR) fprintf(to, "; its error");
    fputc('\n', to);
}

static void print_nights(FILE *to, const sl_contract *c)
{
    fprintf(to, "  nights      %u rows of flux, error and presence of each band, scaling %s", c->max_nights,
            scaling_name(c->scaling));
    if (c->planes & SL_PLANE_ASINH) fprintf(to, "; asinh of the flux / %g", (double)c->asinh_scale);
    fputc('\n', to);
}

static void print_extras(FILE *to, const sl_contract *c)
{
    if (c->n_extras == 0) return;
    fprintf(to, "  extras      ");
    for (uint32_t i = 0; i < c->n_extras; i++) fprintf(to, "%s%s", i > 0 ? ", " : "", extra_name(c->extras[i]));
    fprintf(to, " as %s\n", c->extra_mode == SL_EXTRAS_AS_STEPS ? "steps" : "channels");
}

/* Names go on in the next line where this one is full. */
static int put_name(FILE *to, int at, const char *name, const char *behind)
{
    if (at > 90) at = fprintf(to, "\n             ") - 1;
    return at + fprintf(to, " %s%s", name, behind);
}

/* What stands behind the name of feature i: its bands where it has not all, and a comma unless it is the last. */
static void tell_feature_bands(const sl_contract *c, uint32_t i, char behind[32])
{
    size_t n = 0;
    if (sl_feature_of_bands(c->features[i]) && c->feature_bands[i] != 0) {
        behind[n++] = ':';
        for (uint32_t b = 0; b < c->n_bands; b++) {
            if (c->feature_bands[i] >> b & 1) behind[n++] = c->bands[b].name[0];
        }
    }
    snprintf(behind + n, 32 - n, "%s", i + 1 < c->n_features ? "," : "");
}

static void print_features(FILE *to, const sl_contract *c)
{
    if (c->n_features == 0) return;
    int at = fprintf(to, "  features   ");
    for (uint32_t i = 0; i < c->n_features; i++) {
        char behind[32];
        tell_feature_bands(c, i, behind);
        at = put_name(to, at, sl_feature_name(c->features[i]), behind);
    }
    fprintf(to, "; %u values", sl_contract_input_features(c));
    if (c->feature_knots > 0) fprintf(to, " by tables of %u knots", c->feature_knots);
    fprintf(to, "\n");
}

static void print_classes(FILE *to, const sl_contract *c)
{
    int at = fprintf(to, "  classes    ");
    for (uint32_t k = 0; k < c->n_classes; k++) {
        at = put_name(to, at, c->classes[k].name, k + 1 < c->n_classes ? "," : "\n");
    }
}

static void print_layers(FILE *to, const sl_model *model, size_t n_layers)
{
    char count[32];
    fprintf(to, "\n  %-16s %-52s %10s %10s %-8s %12s\n", "layer", "shape", "weights", "bytes", "stored", "flop");
    for (size_t i = 0; i < n_layers; i++) {
        sl_layer_info layer;
        if (sl_model_layer(model, i, &layer, NULL) < 0) return;
        fprintf(to, "  %-16s %-52s %10zu %10zu %-8s %12s\n", layer.kind, layer.shape, layer.n_parameters, layer.n_bytes,
                layer.n_bytes > 0 ? layer.storage : "-", show_count((uint64_t)layer.flop, count));
    }
}

/* Of a packed model, where how each stands in the stream is its own affair. */
static void print_tensors(FILE *to, const sl_model *model, const sl_model_info *info)
{
    double all = 0;
    if (!info->packed) return;
    fprintf(to, "\n  %-16s %-16s %10s %10s %8s  %-9s %7s %9s %6s\n", "tensor of", "shape", "weights", "bytes", "bits", "stored",
            "values", "coded", "zeros");
    for (size_t i = 0; i < info->n_tensors; i++) {
        sl_tensor_info t;
        sl_layer_info layer;
        if (sl_model_tensor(model, i, &t, NULL) < 0 || sl_model_layer(model, t.layer, &layer, NULL) < 0) return;
        fprintf(to, "  %-16s %-16s %10zu %10.1f %8.3f  %-9s %7u %9s %5.1f%%\n", layer.kind, t.shape, t.n_weights, t.n_bytes,
                8 * t.n_bytes / (double)t.n_weights, t.storage, t.n_values, t.coding[0] != '\0' ? t.coding : "-",
                100.0 * (double)t.n_zeros / (double)t.n_weights);
        all += t.n_bytes;
    }
    fprintf(to, "  contract, layers and the rest of the file: %.1f bytes\n", (double)info->file_bytes - all);
}

void tell_model_text(FILE *to, const char *path, const sl_model *model)
{
    const sl_contract *c = sl_model_contract(model);
    sl_model_info info;
    char weights[32], size[32], flop[32];
    sl_model_describe(model, &info);
    fprintf(to, "%s: model %s\n  %s weights in %s, %s floating-point operations an alert\n", path, sl_model_id(model),
            show_count(info.n_parameters, weights), show_bytes(info.file_bytes, size),
            show_count((uint64_t)info.flop, flop));
    if (info.temperature != 1) fprintf(to, "  calibrated with temperature %g\n", (double)info.temperature);
    if (info.novelty != 0) {
        fprintf(to, "  tells the novelty of an alert, how unlike the training set it is (%s)\n", sl_novelty_name(info.novelty));
    }
    if (c->source[0] != '\0') fprintf(to, "  from %s, made by %s\n", c->source, c->created_by);
    fprintf(to, "\n  contract    %s\n", c->name);
    print_bands(to, c);
    print_points(to, c);
    if (c->sees == SL_SEES_NIGHTS) {
        print_nights(to, c);
    } else {
        print_grid(to, c);
    }
    print_extras(to, c);
    print_features(to, c);
    print_classes(to, c);
    print_layers(to, model, info.n_layers);
    print_tensors(to, model, &info);
}

static void print_tally(FILE *to, const char *title, const tally *t)
{
    char count[32];
    if (t->n == 0) return;
    fprintf(to, "  %-12s", title);
    for (size_t i = 0; i < t->n; i++) {
        fprintf(to, "%s%s %s", i > 0 ? "; " : "", t->name[i], show_count(t->count[i], count));
    }
    if (t->others > 0) fprintf(to, "; others %s", show_count(t->others, count));
    fputc('\n', to);
}

static void print_what_is_in(FILE *to, const night *n)
{
    char a[32], b[32], c[32];
    print_tally(to, "surveys", &n->surveys);
    print_tally(to, "inputs", &n->inputs);
    print_tally(to, "schemas", &n->schemas);
    fprintf(to, "  %-12sdetections %s; upper limits %s; forced %s; %" PRIu64 " to %" PRIu64 " an alert\n", "points",
            show_count(n->points[SL_POINT_DETECTION], a), show_count(n->points[SL_POINT_LIMIT], b),
            show_count(n->points[SL_POINT_FORCED], c), n->fewest, n->most);
    print_tally(to, "bands", &n->bands);
    if (isfinite(n->first)) fprintf(to, "  %-12sMJD %.3f to %.3f\n", "time", n->first, n->last);
    if (n->with_redshift > 0) fprintf(to, "  %-12s%s alerts have one\n", "redshift", show_count(n->with_redshift, a));
}

void tell_night_text(FILE *to, const night *n)
{
    char count[32];
    fprintf(to, "%s alert%s\n", show_count(n->decoded, count), n->decoded == 1 ? "" : "s");
    if (n->decoded > 0) print_what_is_in(to, n);
    if (n->read > n->decoded) {
        const uint64_t broken = n->read - n->decoded;
        fprintf(to, "\n  %s record%s could not be decoded:\n", show_count(broken, count), broken == 1 ? "" : "s");
        for (int r = 0; r < SL_N_REASONS; r++) {
            if (n->by_reason[r] == 0) continue;
            fprintf(to, "  %12s  %s: %s\n", show_count(n->by_reason[r], count), sl_reason_name(r), sl_reason_text(r));
        }
        fprintf(to, "  the first: %s: %s\n", n->broken_path, n->broken_message);
    }
    if (n->shown_detections > 1) {
        fprintf(to, "\n  object %s%s%s, %zu detections\n", n->shown_object, n->shown_alert[0] != '\0' ? ", alert " : "",
                n->shown_alert, n->shown_detections);
        plot_light_curve(to, n->shown, n->n_shown);
    }
}
