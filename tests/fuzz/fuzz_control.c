/* Messages of /host/ws and of the data channel `control`, and topics of subscriptions. */
#include <stdint.h>
#include <string.h>

#include "host/core/control/control_msg.h"
#include "lib/limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_topic(const char *text)
{
        g_auto(TbTopic) topic = {0};
        if (!tb_topic_parse(text, &topic))
                return;
        g_assert_true(topic.name && *topic.name && (topic.device || !topic.interface));
        g_autofree char *again =
                g_strconcat(topic.name, topic.device ? ":" : "", topic.device ? topic.device : "",
                            topic.interface ? "/" : "", topic.interface ? topic.interface : "", NULL);
        g_assert_cmpstr(again, ==, text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_auto(TbControlMessage) m = {0};
        g_autoptr(GError) error = NULL;
        bool ok = tb_control_parse((const char *)data, size, &m, &error);
        g_assert_true(ok == (error == NULL));
        json_auto_t *answer = tb_control_result(m.id, NULL, error, NULL);
        g_assert_true(json_is_true(json_object_get(answer, "ok")) == ok);
        g_autofree char *text = g_strndup((const char *)data, size);
        check_topic(text);
        if (!ok) {
                g_assert_true(g_utf8_validate(error->message, -1, NULL));
                return 0;
        }
        g_assert_true(json_is_object(m.json));
        if (m.kind == TB_CONTROL_COMMAND)
                g_assert_true(m.id > 0 && m.device && m.verb && (!m.params || json_is_object(m.params)));
        if (m.kind == TB_CONTROL_SUBSCRIBE || m.kind == TB_CONTROL_UNSUBSCRIBE) {
                size_t i;
                json_t *topic;
                g_assert_cmpuint(json_array_size(m.topics), <=, TB_CONTROL_TOPICS);
                json_array_foreach (m.topics, i, topic)
                        check_topic(json_string_value(topic));
        }
        return 0;
}
