/* An event as the JSON that readers get: made once, however many they are. */
#include <string.h>

#include "host/core/state/bus_private.h"
#include "lib/json.h"

bool tb_event_is_sample(const TbEvent *event)
{
        return event->id == 0 && strcmp(event->type, "sample") == 0;
}

static json_t *message_of(const TbEvent *event, const char *type)
{
        json_t *o = json_object();
        json_object_set_new(o, "type", json_string(type));
        if (tb_event_is_sample(event))
                json_object_update(o, event->data);
        else
                json_object_set_new(o, "event", json_string(event->type));
        if (event->id)
                json_object_set_new(o, "id", json_integer((json_int_t)event->id));
        if (!json_object_get(o, "t"))
                json_object_set_new(o, "t", json_integer(event->t));
        if (event->device)
                json_object_set_new(o, "device", json_string(event->device));
        if (event->interface)
                json_object_set_new(o, "interface", json_string(event->interface));
        return o;
}

json_t *tb_event_message(const TbEvent *event)
{
        if (tb_event_is_sample(event))
                return message_of(event, "sample");
        json_t *o = message_of(event, "event");
        json_object_set(o, "data", event->data);
        return o;
}

json_t *tb_event_json(const TbEvent *event)
{
        json_t *o = message_of(event, event->type);
        json_object_set(o, "data", event->data);
        return o;
}

const char *tb_event_text(const TbEvent *event, TbEventForm form, gsize *ret_size)
{
        TbEventTexts *t = event->texts;
        if (!t->text[form]) {
                json_auto_t *o = form == TB_EVENT_MESSAGE ? tb_event_message(event) : tb_event_json(event);
                t->text[form] = tb_json_text(o, &t->size[form]);
        }
        if (ret_size)
                *ret_size = t->size[form];
        return t->text[form];
}

void tb_event_forget_texts(TbEvent *event)
{
        for (gsize i = 0; i < G_N_ELEMENTS(event->texts->text); i++)
                g_clear_pointer(&event->texts->text[i], g_free);
}
