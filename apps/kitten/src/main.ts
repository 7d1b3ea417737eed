import { runService } from '@v3vee/service';
import { kittenConfig } from './config';
import { KittenModule } from './kitten.module';

void runService({ name: 'kitten', module: KittenModule, config: kittenConfig });
