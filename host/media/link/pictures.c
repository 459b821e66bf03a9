#include "host/media/link/pictures.h"

#include <string.h>

#include "lib/limits.h"

#define PICTURE 0x49343230u /* "I420" */
#define SOUND 0x53313630u   /* "S160" */

void tb_picture_head_write(const TbPictureHead *head, guint8 ret_bytes[TB_PICTURE_HEAD])
{
        bool sound = head->frames > 0;
        const guint32 wire[] = {GUINT32_TO_LE(sound ? SOUND : PICTURE), GUINT32_TO_LE(head->id),
                                GUINT32_TO_LE(sound ? head->frames : head->width),
                                GUINT32_TO_LE(sound ? head->channels : head->height)};
        memcpy(ret_bytes, wire, TB_PICTURE_HEAD);
}

bool tb_picture_head_read(const guint8 bytes[TB_PICTURE_HEAD], TbPictureHead *ret_head)
{
        guint32 wire[4];
        memcpy(wire, bytes, sizeof wire);
        guint32 kind = GUINT32_FROM_LE(wire[0]), id = GUINT32_FROM_LE(wire[1]), a = GUINT32_FROM_LE(wire[2]),
                b = GUINT32_FROM_LE(wire[3]);
        bool picture = kind == PICTURE && a >= 1 && a <= TB_LIMIT_VIDEO_SIDE && b >= 1 &&
                       b <= TB_LIMIT_VIDEO_SIDE,
             sound = kind == SOUND && a >= 1 && a <= TB_PICTURES_FRAMES && b >= 1 &&
                     b <= TB_PICTURES_CHANNELS;
        if (picture)
                *ret_head = (TbPictureHead){.id = id, .width = a, .height = b};
        if (sound)
                *ret_head = (TbPictureHead){.id = id, .frames = a, .channels = b};
        return picture || sound;
}
