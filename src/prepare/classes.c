/* Which labels are which class. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "starling/prepare.h"

/* superphot+'s classes (de Soto et al. 2024, ApJ 974, 169), of the names that the Bright Transient Survey gives. */
static const char ztf_classes[] =
    "SN Ia=SN Ia+SN Ia-91T-like+SN Ia-91bg-like+SN Ia-CSM+SN Ia-pec+SN Ia-SC,"
    "SN II=SN II+SN IIP+SN IIL,"
    "SN Ibc=SN Ibc+SN Ib+SN Ic+SN Ic-BL+SN Ib-pec,"
    "SLSN-I=SLSN-I,"
    "SN IIn=SN IIn+SLSN-II";

static sl_status add_label(sl_class_rules *r, const char *text, size_t len, uint32_t is, sl_error *err)
{
    if (r->n_labels == SL_MAX_CLASS_LABELS || len == 0 || len >= SL_MAX_LABEL) {
        return SL_FAIL(err, SL_ERR_INVAL, SL_REASON_NONE, "a label that is empty or too long, or more than %d of them",
                       SL_MAX_CLASS_LABELS);
    }
    if (sl_class_rules_find(r, (sl_str){text, len}) >= 0) {
        return SL_FAIL(err, SL_ERR_INVAL, SL_REASON_NONE, "label \"%.*s\" is of two classes", (int)len, text);
    }
    memcpy(r->labels[r->n_labels].text, text, len);
    r->labels[r->n_labels].text[len] = '\0';
    r->labels[r->n_labels++].is = (uint8_t)is;
    return SL_OK;
}

/* PLAsTiCC's by number and by name. */
static sl_status add_plasticc(sl_class_rules *r, const sl_contract *c, sl_error *err)
{
    r->n_classes = c->n_classes;
    for (uint32_t i = 0; i < c->n_classes; i++) {
        char number[16];
        snprintf(number, sizeof number, "%d", (int)c->classes[i].plasticc_id);
        r->classes[i] = c->classes[i];
        SL_TRY(add_label(r, number, strlen(number), i, err));
        SL_TRY(add_label(r, c->classes[i].name, strlen(c->classes[i].name), i, err));
    }
    return SL_OK;
}

/* The numbers that a class has in other taxonomies, where it is one of theirs. */
static void set_numbers(sl_class *class, const sl_contract *plasticc)
{
    static const sl_class known[] = {{"SN Ia", 90, 2222}, {"SN II", 42, 2224}, {"SN Ibc", 62, 2223}, {"SLSN-I", 95, 2242}};
    const size_t n_known = sizeof known / sizeof known[0];
    for (size_t i = 0; i < n_known + plasticc->n_classes; i++) {
        const sl_class *one = i < n_known ? &known[i] : &plasticc->classes[i - n_known];
        if (strcasecmp(one->name, class->name) != 0) continue;
        class->plasticc_id = one->plasticc_id;
        class->elasticc_id = one->elasticc_id;
    }
}

/* NAME=LABEL+LABEL, or NAME. */
static sl_status add_class(sl_class_rules *r, const char *text, size_t len, const sl_contract *plasticc, sl_error *err)
{
    const char *equals = memchr(text, '=', len);
    const size_t name = equals != NULL ? (size_t)(equals - text) : len;
    if (r->n_classes == SL_MAX_CLASSES || name == 0 || name >= SL_MAX_NAME) {
        return SL_FAIL(err, SL_ERR_INVAL, SL_REASON_NONE, "a class without a name or with a long one, or more than %d",
                       SL_MAX_CLASSES);
    }
    sl_class *class = &r->classes[r->n_classes];
    memcpy(class->name, text, name);
    set_numbers(class, plasticc);
    const char *p = equals != NULL ? equals + 1 : text, *end = text + len;
    for (;;) {
        const char *plus = memchr(p, '+', (size_t)(end - p)), *stop = plus != NULL && equals != NULL ? plus : end;
        SL_TRY(add_label(r, p, (size_t)(stop - p), r->n_classes, err));
        if (stop == end) break;
        p = stop + 1;
    }
    r->n_classes++;
    return SL_OK;
}

static sl_status parse(const char *text, const sl_contract *plasticc, sl_class_rules *out, sl_error *err)
{
    if (strcasecmp(text, "plasticc") == 0) return add_plasticc(out, plasticc, err);
    if (strcasecmp(text, "ztf") == 0) text = ztf_classes;
    for (const char *p = text;;) {
        const size_t len = strcspn(p, ",");
        SL_TRY(add_class(out, p, len, plasticc, err));
        if (p[len] == '\0') break;
        p += len + 1;
    }
    if (out->n_classes >= 2) return SL_OK;
    return SL_FAIL(err, SL_ERR_INVAL, SL_REASON_NONE, "one class is nothing to tell apart");
}

sl_status sl_class_rules_parse(const char *text, sl_class_rules *out, sl_error *err)
{
    SL_REQUIRE(text != NULL && out != NULL, err);
    memset(out, 0, sizeof *out);
    sl_contract *plasticc = malloc(sizeof *plasticc); /* whose classes are PLAsTiCC's; too large for the stack */
    if (plasticc == NULL) return SL_FAIL_NOMEM(err);
    sl_status status = sl_contract_preset("starling", plasticc, err);
    if (status == SL_OK) status = parse(text, plasticc, out, err);
    free(plasticc);
    return status;
}

int sl_class_rules_find(const sl_class_rules *rules, sl_str label)
{
    for (uint32_t i = 0; i < rules->n_labels; i++) {
        const char *text = rules->labels[i].text;
        if (strlen(text) == label.len && strncasecmp(text, label.ptr, label.len) == 0) return rules->labels[i].is;
    }
    return -1;
}
