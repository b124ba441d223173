/*
 * Class probabilities of one light curve that is already at hand as arrays.
 *
 *     classify_light_curve MODEL
 *     cc classify_light_curve.c -lstarling
 */
#include <math.h>
#include <stdio.h>

#include <starling/starling.h>

/* A made-up supernova in g and r: days, FLUXCAL (zero point 27.5) and its error. */
static const double mjd[] = {58350.2, 58350.3, 58353.2, 58353.3, 58356.2, 58356.3, 58359.2, 58359.3,
                             58365.2, 58365.3, 58371.2, 58371.3, 58380.2, 58380.3, 58389.2, 58389.3};
static const double flux[] = {210,  190,  1150, 960,  2380, 2010, 3050, 2890,
                              2710, 2940, 1840, 2490, 840,  1730, 390,  1010};
static const double flux_err[] = {55, 60, 61, 58, 66, 64, 72, 69, 70, 71, 64, 68, 58, 63, 54, 59};
static const char band[] = "grgrgrgrgrgrgrgr";

int main(int argc, char **argv)
{
    enum { N = sizeof mjd / sizeof mjd[0] };
    if (argc != 2) {
        fprintf(stderr, "usage: %s MODEL\n", argv[0]);
        return 2;
    }
    sl_point points[N];
    for (int i = 0; i < N; i++) {
        points[i] = (sl_point){.time = mjd[i],
                               .value = flux[i],
                               .error = flux_err[i],
                               .unit = SL_UNIT_FLUX,
                               .zero_point = 27.5,
                               .band = band[i],
                               .kind = SL_POINT_DETECTION,
                               .limit_mag = NAN,
                               .exposure_s = NAN};
    }
    const sl_alert light_curve = {
        .object_id = {"SN one", 6}, .n_points = N, .points = points, .redshift = NAN, .redshift_error = NAN};

    /* The model says which bands, units and times it wants: the light curve is brought to its contract. */
    sl_model *model = NULL;
    sl_classifier *classifier = NULL;
    sl_result result;
    sl_error err;
    int code = 1;
    if (sl_model_open(argv[1], &model, &err) < 0) goto out;
    if (sl_classifier_new(model, &classifier, &err) < 0) goto out;
    if (sl_classifier_alert(classifier, &light_curve, &result, &err) < 0) goto out;

    if (result.outcome != SL_CLASSIFIED) {
        printf("not classified: %s\n", sl_reason_text(result.reason));
    } else {
        const sl_contract *contract = sl_model_contract(model);
        for (size_t k = 0; k < result.n_classes; k++) {
            printf("%-16s %.4f%s\n", contract->classes[k].name, result.p[k], (int)k == result.best ? "  <" : "");
        }
    }
    code = 0;
out:
    if (code != 0) fprintf(stderr, "%s: %s\n", argv[1], err.message);
    sl_classifier_free(classifier);
    sl_model_close(model);
    return code;
}
