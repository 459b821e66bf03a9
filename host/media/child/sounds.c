#include "host/media/child/sounds.h"

#include "host/media/private.h"
#include "host/media/sound/sound_encoder.h"

typedef struct Sound {
        guint32 number;
        TbSoundHub *hub; /* ref */
        TbLink *link;    /* borrowed */
        TbOpusTap *tap;  /* owned */
        guint listeners;
} Sound;

struct TbSounds {
        GHashTable *sounds; /* number -> owned Sound */
        guint32 last;
};

/* The encoder's thread. What the link does not take is lost: sound that comes late is of no use. */
static void packet(void *data, GstBuffer *buffer)
{
        Sound *s = data;
        GstMapInfo map;
        if (!gst_buffer_map(buffer, &map, GST_MAP_READ))
                return;
        TbLinkMessage m = {
                .type = TB_LINK_SOUND,
                .id = s->number,
                .sound = {.pts_ns = GST_BUFFER_PTS(buffer), .data = {(const char *)map.data, map.size}}};
        tb_link_send(s->link, &m);
        gst_buffer_unmap(buffer, &map);
}

static void sound_free(gpointer data)
{
        Sound *s = data;
        tb_opus_tap_remove(s->tap);
        tb_sound_hub_unref(s->hub);
        g_free(s);
}

TbSounds *tb_sounds_new(void)
{
        TbSounds *sounds = g_new0(TbSounds, 1);
        sounds->sounds = g_hash_table_new_full(NULL, NULL, NULL, sound_free);
        return sounds;
}

void tb_sounds_free(TbSounds *sounds)
{
        if (!sounds)
                return;
        g_hash_table_unref(sounds->sounds);
        g_free(sounds);
}

void tb_sounds_clear(TbSounds *sounds)
{
        g_hash_table_remove_all(sounds->sounds);
}

guint32 tb_sounds_enter(TbSounds *sounds, TbLink *link, TbSoundHub *hub, GError **error)
{
        GHashTableIter iter;
        gpointer value;
        g_hash_table_iter_init(&iter, sounds->sounds);
        while (g_hash_table_iter_next(&iter, NULL, &value)) {
                Sound *s = value;
                if (s->hub != hub)
                        continue;
                s->listeners++;
                return s->number;
        }
        Sound *s = g_new0(Sound, 1);
        s->number = ++sounds->last ? sounds->last : ++sounds->last;
        s->hub = tb_sound_hub_ref(hub);
        s->link = link;
        s->listeners = 1;
        s->tap = tb_opus_tap_new(hub, packet, s, error);
        if (!s->tap) {
                sound_free(s);
                return 0;
        }
        g_hash_table_insert(sounds->sounds, GUINT_TO_POINTER(s->number), s);
        return s->number;
}

void tb_sounds_leave(TbSounds *sounds, guint32 number)
{
        Sound *s = g_hash_table_lookup(sounds->sounds, GUINT_TO_POINTER(number));
        if (s && --s->listeners == 0)
                g_hash_table_remove(sounds->sounds, GUINT_TO_POINTER(number));
}
