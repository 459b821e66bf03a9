#include "host/media/child/room.h"

#include "lib/limits.h"

guint tb_room_waiting(const TbRoomPlace *places, guint n, const char *key)
{
        guint waiting = 0;
        for (guint i = 0; i < n; i++)
                waiting += !places[i].connected && g_strcmp0(places[i].key, key) == 0;
        return waiting;
}

static int oldest(const TbRoomPlace *places, guint n, const char *key)
{
        int found = -1;
        for (guint i = 0; i < n; i++)
                if (!places[i].connected && g_strcmp0(places[i].key, key) == 0 &&
                    (found < 0 || places[i].since_us < places[found].since_us))
                        found = (int)i;
        return found;
}

int tb_room_find(const TbRoomPlace *places, guint n, const char *key, bool anybody, gint64 now_us)
{
        int found = oldest(places, n, key);
        guint most = 1;
        for (guint i = 0; found < 0 && anybody && i < n; i++)
                most = MAX(most, tb_room_waiting(places, n, places[i].key));
        for (guint i = 0; most > 1 && i < n; i++)
                if (tb_room_waiting(places, n, places[i].key) == most)
                        found = oldest(places, n, places[i].key);
        return found >= 0 && now_us - places[found].since_us >= TB_LIMIT_UNCONNECTED_MS * 1000 ? found : -1;
}
