import { Controller } from '@nestjs/common';
import type { Login, Session } from '@v3vee/contracts';
import { Authentication } from '../access/authentication.service';
import type { Identity } from '../access/identity';
import { Endpoint, Input, type InputOf } from './endpoint';
import { LoginCodes } from './login-codes';

/** How a browser gets in. Whoever comes here was authenticated like everybody else, or by a login code. */
@Controller()
export class SessionsController {
  constructor(
    private readonly codes: LoginCodes,
    private readonly authentication: Authentication,
  ) {}

  @Endpoint('createLogin')
  login(@Input() { caller }: InputOf<'createLogin'>): Login {
    return this.codes.make(caller.identity as Identity);
  }

  @Endpoint('createSession')
  session(@Input() { caller }: InputOf<'createSession'>): Session {
    return this.authentication.session(caller.identity as Identity);
  }
}
