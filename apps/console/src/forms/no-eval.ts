import { config } from 'zod';

/** The page's policy lets no text run as a program; zod would try before the first schema is made. */
config({ jitless: true });
