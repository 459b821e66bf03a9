/* What a phone sends to a host: whatever is accepted keeps to its names and ranges, and says nothing of anything but the phone. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "host/phone/said.h"
#include "lib/limits.h"
#include "lib/name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const TbSaid *m, bool by_server)
{
        g_assert_true(by_server || m->type >= TB_SAID_VALUES_OF || m->type == TB_SAID_OTHER);
        g_assert_cmpuint(m->n_values, <=, TB_SAID_VALUES);
        for (guint i = 0; i < m->n_values; i++) {
                g_assert_true(tb_name_valid(TB_NAME_STREAM, m->values[i].stream));
                g_assert_true(isfinite(m->values[i].value));
                g_assert_true(m->values[i].unit && m->values[i].quantity);
        }
        g_assert_true(m->type != TB_SAID_VALUES_OF || (m->series && m->n_values > 0));
        g_assert_true(m->type != TB_SAID_EVENT ||
                      (tb_name_valid(TB_NAME_TYPE, m->event) && json_is_object(m->data)));
        g_assert_true(m->type != TB_SAID_SWITCH || (m->event && m->state));
        g_assert_true(m->type != TB_SAID_ANSWER || (m->sdp && strlen(m->sdp) <= TB_LIMIT_SDP));
        g_assert_true(m->type != TB_SAID_ICE || m->candidate);
        g_assert_cmpint(m->seq, >=, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_autofree char *text = g_strndup((const char *)data, size);
        for (int by_server = 0; by_server <= 1; by_server++) {
                g_autoptr(GError) error = NULL;
                g_auto(TbSaid) m = {0};
                bool ok = tb_said_parse(text, size, by_server, &m, &error);
                g_assert_true(ok == (error == NULL));
                if (ok)
                        check(&m, by_server);
        }
        return 0;
}
