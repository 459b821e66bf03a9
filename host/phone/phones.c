#include "host/phone/phones.h"

#include <string.h>

#include "host/phone/phones_private.h"
#include "lib/json.h"
#include "lib/limits.h"
#include "lib/log.h"

#define SCHEME "phone://"

/* --- what a phone wants --- */
static void ask(TbPhone *phone, gpointer data)
{
        const TbPhonesOptions *o = &((TbPhones *)data)->options;
        if (o->say)
                o->say(json_pack("{s:s, s:s, s:s}", "type", "phone-session", "name", tb_phone_name(phone),
                                 "base", tb_core_config(o->core)->server_url),
                       o->data);
}

static void end(TbPhone *phone G_GNUC_UNUSED, const char *session, gpointer data)
{
        const TbPhonesOptions *o = &((TbPhones *)data)->options;
        if (o->say)
                o->say(json_pack("{s:s, s:s}", "type", "phone-session-end", "session", session), o->data);
}

static void keep(TbPhone *phone, gpointer data)
{
        TbPhones *phones = data;
        json_t *all = json_copy(tb_core_phones(phones->options.core)), *kept = tb_phone_kept(phone);
        if (kept)
                json_object_set_new(all, tb_phone_name(phone), kept);
        else
                json_object_del(all, tb_phone_name(phone));
        tb_core_keep_phones(phones->options.core, all);
}

static void changed(TbPhone *phone, gpointer data)
{
        TbPhones *phones = data;
        json_t *state = tb_phone_json(phone, false);
        json_object_del(state, "device");
        char *text = tb_json_text(state, NULL);
        if (g_strcmp0(text, g_hash_table_lookup(phones->told, tb_phone_name(phone))) != 0)
                tb_bus_publish_share(tb_core_bus(phones->options.core), TB_BUS_PHONES, "phone.state",
                                     tb_phone_device(phone), NULL, json_incref(state));
        json_decref(state);
        g_hash_table_insert(phones->told, g_strdup(tb_phone_name(phone)), text);
        tb_phones_serve(phones);
}

static const TbPhoneOps phone_ops = {.ask = ask, .end = end, .keep = keep, .changed = changed};

/* --- which there are --- */
TbPhone *tb_phones_find(TbPhones *phones, const char *name)
{
        return g_hash_table_lookup(phones->all, name);
}

TbPhone *tb_phones_of_device(TbPhones *phones, const char *device)
{
        GHashTableIter iter;
        gpointer phone;
        g_hash_table_iter_init(&iter, phones->all);
        while (g_hash_table_iter_next(&iter, NULL, &phone))
                if (strcmp(tb_phone_device(phone), device) == 0)
                        return phone;
        return NULL;
}

/* The name in its attachment; the caller frees. NULL: it is no phone. */
static char *name_of(TbDevice *device)
{
        json_auto_t *json = tb_device_json(device);
        json_t *iface;
        gsize i;
        json_array_foreach (json_object_get(json, "interfaces"), i, iface) {
                const char *driver = json_string_value(json_object_get(iface, "driver")),
                           *uri = json_string_value(json_object_get(iface, "uri"));
                if (g_strcmp0(driver, "phone") == 0 && uri && g_str_has_prefix(uri, SCHEME))
                        return g_strndup(uri + strlen(SCHEME), strcspn(uri + strlen(SCHEME), "?/"));
        }
        return NULL;
}

static void look_at(TbDevice *device, gpointer data)
{
        TbPhones *phones = data;
        g_autofree char *name = name_of(device);
        if (!name || tb_phones_find(phones, name))
                return;
        if (g_hash_table_size(phones->all) >= TB_LIMIT_PHONES) {
                tb_log(TB_LOG_WARNING, TB_F("device", tb_device_id(device)),
                       "a host has %d phones at most: this one is not paired", TB_LIMIT_PHONES);
                return;
        }
        TbPhone *phone =
                tb_phone_new(phones->options.core, phones->options.media, name, tb_device_id(device),
                             json_object_get(tb_core_phones(phones->options.core), name), &phone_ops, phones);
        g_hash_table_insert(phones->all, (gpointer)tb_phone_name(phone), phone);
}

/* The device is not there any more: nor is the pairing. */
static void forget(TbPhones *phones, TbPhone *phone)
{
        json_t *all = json_copy(tb_core_phones(phones->options.core));
        json_object_del(all, tb_phone_name(phone));
        tb_core_keep_phones(phones->options.core, all);
        tb_phone_end(phone);
        g_hash_table_remove(phones->told, tb_phone_name(phone));
        g_hash_table_remove(phones->all, tb_phone_name(phone));
        tb_phones_serve(phones);
}

static void on_event(const TbEvent *event, gpointer data)
{
        TbPhones *phones = data;
        if (strcmp(event->type, "server.connected") == 0) {
                GHashTableIter iter;
                gpointer phone;
                g_hash_table_iter_init(&iter, phones->all);
                while (g_hash_table_iter_next(&iter, NULL, &phone))
                        tb_phone_server_is_here(phone);
                return;
        }
        if (!event->device || !g_str_has_prefix(event->type, "device."))
                return;
        TbDevice *device = tb_core_device(phones->options.core, event->device, NULL);
        TbPhone *phone = tb_phones_of_device(phones, event->device);
        g_autofree char *name = device && strcmp(event->type, "device.removed") != 0 ? name_of(device) : NULL;
        if (phone && g_strcmp0(name, tb_phone_name(phone)) != 0)
                forget(phones, phone);
        if (name)
                look_at(device, phones);
}

/* --- life --- */
static void phone_free(gpointer phone)
{
        tb_phone_free(phone);
}

TbPhones *tb_phones_new(const TbPhonesOptions *options)
{
        TbPhones *phones = g_new0(TbPhones, 1);
        phones->options = *options;
        phones->all = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, phone_free);
        phones->told = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        g_queue_init(&phones->waiting);
        phones->bus = tb_bus_subscribe(tb_core_bus(options->core), on_event, phones);
        tb_core_each_device(options->core, look_at, phones);
        return phones;
}

void tb_phones_free(TbPhones *phones)
{
        if (!phones)
                return;
        tb_bus_unsubscribe(tb_core_bus(phones->options.core), phones->bus);
        tb_phones_send_away(phones);
        g_hash_table_unref(phones->all);
        g_hash_table_unref(phones->told);
        g_free(phones);
}

void tb_phones_said(TbPhones *phones, json_t *message)
{
        const char *name = json_string_value(json_object_get(message, "name"));
        TbPhone *phone = name ? tb_phones_find(phones, name) : NULL;
        if (phone)
                tb_phone_session(phone, message);
}
