/* Any bytes as a table of labels; and the whole of them as rules about classes. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "starling/prepare.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static sl_class_rules rules;
    sl_error err;
    sl_labels *labels = NULL;
    if (sl_labels_open_memory(data, size, &labels, &err) == SL_OK) {
        for (size_t i = 0; i < sl_labels_count(labels); i++) {
            const sl_label *label = sl_labels_at(labels, i);
            if (sl_labels_find(labels, label->object_id) != label || isinf(label->redshift)) abort();
        }
    }
    sl_labels_close(labels);
    char *text = malloc(size + 1);
    if (size > 0) memcpy(text, data, size);
    text[size] = '\0';
    if (sl_class_rules_parse(text, &rules, &err) == SL_OK) {
        for (uint32_t i = 0; i < rules.n_labels; i++) {
            const sl_str label = {rules.labels[i].text, strlen(rules.labels[i].text)};
            if (rules.labels[i].is >= rules.n_classes || sl_class_rules_find(&rules, label) != rules.labels[i].is) abort();
        }
    }
    free(text);
    return 0;
}
