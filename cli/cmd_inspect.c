/* starling inspect: what is in a model, or in alerts. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "inspect.h"
#include "opts.h"

static const manual about = {
    .command = "inspect",
    .summary = "what is in a model or an alert file",
    .operands = "PATH...",
    .text =
        "Of a model file: its contract, its layers and their sizes. Of anything that starling classify reads: how many\n"
        "alerts, of which survey and schema, their points, and the longest light curve as a picture. What cannot be\n"
        "decoded is counted by its reason. --json prints the same for programs, as one JSON object on one line.",
    .examples = "starling inspect model.starling\n"
                "starling inspect night.tar.gz\n"
                "starling inspect --json model.starling | jq .contract.classes[].name",
};

static const char *const survey_names[SL_N_SURVEYS] = {"light curve of a file", "ZTF", "LSST", "ELAsTiCC"};
static const double jd_minus_mjd = 2400000.5;

static void count_name(tally *t, const char *name, uint64_t n)
{
    for (size_t i = 0; i < t->n; i++) {
        if (strcmp(t->name[i], name) == 0) {
            t->count[i] += n;
            return;
        }
    }
    if (t->n == TALLY_SIZE) {
        t->others += n;
        return;
    }
    snprintf(t->name[t->n], TALLY_NAME, "%s", name);
    t->count[t->n++] = n;
}

static void show_alert(night *n, const sl_alert *alert, size_t detections)
{
    n->shown_detections = detections;
    n->n_shown = alert->n_points;
    memcpy(n->shown, alert->points, alert->n_points * sizeof *n->shown);
    snprintf(n->shown_object, sizeof n->shown_object, "%.*s", (int)alert->object_id.len, alert->object_id.ptr);
    snprintf(n->shown_alert, sizeof n->shown_alert, "%.*s", (int)alert->alert_id.len, alert->alert_id.ptr);
}

static void count_alert(night *n, const sl_alert *alert)
{
    size_t detections = 0;
    for (size_t i = 0; i < alert->n_points; i++) {
        const sl_point *p = &alert->points[i];
        const double mjd = alert->time_is_jd ? p->time - jd_minus_mjd : p->time;
        n->points[p->kind]++;
        n->first = fmin(n->first, mjd); /* which passes over NaN */
        n->last = fmax(n->last, mjd);
        if (p->kind == SL_POINT_LIMIT) continue;
        count_name(&n->bands, (char[]){p->band, '\0'}, 1);
        detections += p->kind == SL_POINT_DETECTION && isfinite(p->value);
    }
    if (n->decoded == 0 || alert->n_points < n->fewest) n->fewest = alert->n_points;
    if (alert->n_points > n->most) n->most = alert->n_points;
    n->with_redshift += isfinite(alert->redshift);
    count_name(&n->surveys, survey_names[alert->survey], 1);
    if (detections > n->shown_detections && alert->n_points <= SHOWN_POINTS) show_alert(n, alert, detections);
    n->decoded++;
}

static void count_schema(night *n, const sl_read_item *item)
{
    char name[TALLY_NAME];
    const sl_str version = item->alert->schema_version;
    const char *schema = item->schema_name != NULL ? item->schema_name : "";
    if (item->schema_id >= 0) {
        snprintf(name, sizeof name, "id %lld", (long long)item->schema_id);
    } else {
        snprintf(name, sizeof name, "%s%s%.*s", schema, schema[0] != '\0' && version.len > 0 ? " " : "",
                 (int)version.len, version.ptr);
    }
    if (name[0] != '\0') count_name(&n->schemas, name, 1);
}

static sl_status on_item(void *user, const sl_read_item *item)
{
    night *n = user;
    char kind[TALLY_NAME];
    n->read += item->n_records;
    snprintf(kind, sizeof kind, "%s%s%s", sl_input_name(item->input), item->codec != NULL ? ", " : "",
             item->codec != NULL ? item->codec : "");
    count_name(&n->inputs, kind, item->n_records);
    if (item->alert != NULL) {
        count_schema(n, item);
        count_alert(n, item->alert);
        return SL_OK;
    }
    if (n->read - item->n_records == n->decoded) {
        snprintf(n->broken_path, sizeof n->broken_path, "%s%s%s", item->path, item->entry != NULL ? ": " : "",
                 item->entry != NULL ? item->entry : "");
        snprintf(n->broken_message, sizeof n->broken_message, "%s", item->message);
    }
    n->by_reason[item->reason] += item->n_records;
    return SL_OK;
}

static int inspect_alerts(const char *const *paths, size_t n_paths, const char *schemas, bool json)
{
    night *n = calloc(1, sizeof *n);
    if (n == NULL) {
        fprintf(stderr, "starling inspect: out of memory\n");
        return EXIT_INTERNAL;
    }
    n->first = n->last = NAN;
    sl_error err;
    int code = EXIT_WELL;
    if (sl_alerts_read(paths, n_paths, schemas, on_item, n, &err) < 0) {
        code = say_failed(about.command, NULL, &err);
    } else if (json) {
        tell_night_json(stdout, n);
    } else {
        tell_night_text(stdout, n);
    }
    free(n);
    return code;
}

static int inspect_model(const char *path, bool json)
{
    models m;
    const int code = open_models(about.command, path, &m);
    if (code == EXIT_WELL) (json ? tell_model_json : tell_model_text)(stdout, path, m.model[0]);
    close_models(&m);
    return code;
}

/* A model file says so in its first bytes; or it is the name of one that the program carries. */
static bool is_model(const char *path)
{
    if (is_carried(path)) return true;
    char head[8] = "";
    FILE *f = strcmp(path, "-") != 0 ? fopen(path, "rbe") : NULL;
    if (f == NULL) return false;
    const size_t n = fread(head, 1, sizeof head, f);
    fclose(f);
    return n == sizeof head && memcmp(head + 4, SL_MODEL_IDENTIFIER, 4) == 0;
}

int cmd_inspect(int argc, char **argv)
{
    const char *schemas = NULL;
    bool json = false;
    const opt options[] = {
        {0, "json", OPT_FLAG, &json, NULL, "for programs: one JSON object on one line"},
        {0, "schemas", OPT_TEXT, &schemas, "DIR", "the schemas of framed messages: .avsc files or Avro containers"},
        {.name = NULL},
    };
    int n_paths;
    const int code = opts_parse(&about, options, argc, argv, &n_paths);
    if (code != OPTS_GO) return code;
    if (n_paths == 0) return opts_wrong(&about, "nothing to look at: give a PATH, or - for standard input");
    if (n_paths == 1 && is_model(argv[1])) return inspect_model(argv[1], json);
    return inspect_alerts((const char *const *)(argv + 1), (size_t)n_paths, schemas, json);
}
